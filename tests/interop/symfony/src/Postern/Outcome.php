<?php

declare(strict_types=1);

namespace App\Postern;

/**
 * What is told of a task. The properties are the JSON that Postern reads; the serializer would call a method of the
 * same name instead.
 */
final class Outcome
{
    /** Orders what is told while a task is executed, also when it is executed again by another process. */
    public readonly int $seq;

    private function __construct(
        public readonly string $outcomeToken,
        public readonly string $event,
        public readonly ?array $progress = null,
        public readonly ?array $result = null,
        public readonly ?array $error = null,
        public readonly bool $retryable = false,
        public readonly ?int $retryDelaySeconds = null,
    ) {
        $this->seq = (int) (microtime(true) * 1e6);
    }

    public static function started(Task $task): self
    {
        return new self($task->outcomeToken, 'STARTED');
    }

    /** @param ?array{completed: int, total: int, message: string} $progress nothing: only that it is alive */
    public static function advanced(Task $task, ?array $progress): self
    {
        return new self($task->outcomeToken, 'PROGRESS', progress: $progress);
    }

    /** @param ?array<string, mixed> $result 256 KiB at most */
    public static function succeeded(Task $task, ?array $result): self
    {
        return new self($task->outcomeToken, 'SUCCEEDED', result: $result);
    }

    public static function failed(Task $task, ?TaskFailed $failure): self
    {
        $error = $failure === null ? null : [
            'code' => $failure->canonicalCode,
            'reason' => $failure->reason,
            'message' => $failure->words,
            'violations' => $failure->violations,
        ];

        return new self(
            $task->outcomeToken,
            'FAILED',
            error: $error,
            retryable: $failure?->retryable ?? false,
            retryDelaySeconds: $failure?->retryDelaySeconds,
        );
    }

    public static function cancelled(Task $task): self
    {
        return new self($task->outcomeToken, 'CANCELLED');
    }
}
