<?php

declare(strict_types=1);

namespace App\Postern;

use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\MessageDecodingFailedException;
use Symfony\Component\Messenger\Transport\Serialization\Serializer;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Serializer\SerializerInterface as SymfonySerializerInterface;

/**
 * Symfony's serializer for messages, made safe for tasks.
 *
 * By itself Messenger deletes a message that it cannot decode and ends the worker; here it becomes an UnreadableTask.
 * And `type` can name no class but a task's.
 */
final class TaskSerializer implements SerializerInterface
{
    /** Escaped, a text can be three times as large, and the message of a retry too large for SQS. */
    private const CONTEXT = ['json_encode_options' => \JSON_UNESCAPED_UNICODE | \JSON_UNESCAPED_SLASHES];
    /** SQS refuses what XML 1.0 has not; control characters are escaped in any case. */
    private const NOT_IN_XML = ["\u{FFFE}" => '\ufffe', "\u{FFFF}" => '\uffff'];

    private readonly Serializer $inner;

    public function __construct(SymfonySerializerInterface $serializer)
    {
        $this->inner = new Serializer($serializer, 'json', self::CONTEXT);
    }

    public function decode(array $encodedEnvelope): Envelope
    {
        $type = $encodedEnvelope['headers']['type'] ?? '';
        try {
            if (!is_subclass_of($type, Task::class)) {
                throw new MessageDecodingFailedException("\"$type\" is no class of a task.");
            }

            return $this->inner->decode($encodedEnvelope);
        } catch (MessageDecodingFailedException | \TypeError $failure) {
            return new Envelope(new UnreadableTask($failure->getMessage()));
        }
    }

    public function encode(Envelope $envelope): array
    {
        $encoded = $this->inner->encode($envelope);
        $encoded['body'] = strtr($encoded['body'], self::NOT_IN_XML);

        return $encoded;
    }
}
