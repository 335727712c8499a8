<?php

declare(strict_types=1);

namespace App\Postern;

/**
 * A task as Postern sends it; each job type has a class of its own that extends this one.
 *
 * All of it is here, because Messenger makes the message of a retry out of this object and of nothing else. No method
 * may be named like a property or begin with `get`, `is` or `has`: the serializer would send what it returns.
 */
abstract class Task
{
    /**
     * @param int                   $dispatch     how many times the job has been handed out
     * @param string                $deadline     not to be started after this (RFC 3339)
     * @param array<mixed>          $payload      the partner's; an empty object is an empty array
     * @param ?array<string, mixed> $payloadRef   uri, sizeBytes, sha256 of the payload, where it was too large
     * @param list<array>           $attachments  references of the partner's files
     * @param array<string, string> $labels
     * @param string                $outcomeToken goes back with every outcome
     * @param array<string, string> $trace        W3C trace context: traceparent, tracestate
     */
    public function __construct(
        public readonly string $jobId,
        public readonly string $jobType,
        public readonly string $jobTypeVersion,
        public readonly string $partnerId,
        public readonly int $dispatch,
        public readonly string $deadline,
        public readonly array $payload,
        public readonly ?array $payloadRef,
        public readonly array $attachments,
        public readonly array $labels,
        public readonly string $outcomeToken,
        public readonly array $trace,
    ) {
    }

    /** Whether it must not be started any more. */
    public function deadlinePassed(): bool
    {
        return new \DateTimeImmutable($this->deadline) < new \DateTimeImmutable();
    }
}
