<?php

declare(strict_types=1);

namespace App\Postern;

use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;

/** Keeps from the handlers what is not for them. */
final class TaskMiddleware implements MiddlewareInterface
{
    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        $message = $envelope->getMessage();
        if ($message instanceof Task && $message->deadlinePassed()) {
            throw new TaskFailed(
                'DEADLINE_PASSED',
                'the deadline had passed before this attempt could begin',
                'DEADLINE_EXCEEDED',
            );
        }

        return $envelope->last(Unwanted::class) === null ? $stack->next()->handle($envelope, $stack) : $envelope;
    }
}
