<?php

declare(strict_types=1);

namespace App\Postern;

use Symfony\Component\Messenger\Exception\UnrecoverableExceptionInterface;

/**
 * Thrown by a handler, it ends the job as FAILED, with words that its partner reads; Messenger does not try again.
 * Of any other exception the partner hears nothing but that the task failed, once Messenger has given up.
 */
final class TaskFailed extends \RuntimeException implements UnrecoverableExceptionInterface
{
    /**
     * @param string                                        $reason            for programs: [A-Z][A-Z0-9_]{0,62}
     * @param string                                        $words             for people; nothing internal
     * @param string                                        $canonicalCode     such as NOT_FOUND, INVALID_ARGUMENT
     * @param list<array{pointer: string, message: string}> $violations        JSON Pointers into the payload
     * @param bool                                          $retryable         Postern hands the job out again
     * @param ?int                                          $retryDelaySeconds the job type's backoff when not given
     */
    public function __construct(
        public readonly string $reason,
        public readonly string $words,
        public readonly string $canonicalCode = 'FAILED_PRECONDITION',
        public readonly array $violations = [],
        public readonly bool $retryable = false,
        public readonly ?int $retryDelaySeconds = null,
        ?\Throwable $previous = null,
    ) {
        parent::__construct("$reason: $words", previous: $previous);
    }
}
