<?php

declare(strict_types=1);

namespace App\Postern;

use Psr\Log\LoggerInterface;
use Symfony\Component\Messenger\MessageBusInterface;
use Symfony\Contracts\HttpClient\Exception\ExceptionInterface;

/**
 * Tells Postern how a task fares: over HTTP where that is set up and answers, because then Postern can say whether the
 * task is wanted; over the queue otherwise.
 */
final class Reporter
{
    public function __construct(
        private readonly MessageBusInterface $bus,
        private readonly WorkService $work,
        private readonly LoggerInterface $logger,
    ) {
    }

    /** An execution begins, unless it is not wanted: then false, and the task is to be dropped without an outcome. */
    public function begin(Task $task): bool
    {
        return $this->asked(fn () => $this->work->begin($task)) ?? $this->tell(Outcome::started($task));
    }

    /**
     * The execution has come so far, and may go on for the job type's execution timeout from now. Each call is a
     * request: make it now and then, not for every row.
     *
     * @throws TaskCancelled when the job is not wanted any more
     */
    public function progress(Task $task, int $completed, int $total, string $message = ''): void
    {
        $this->alive($task, ['completed' => $completed, 'total' => $total, 'message' => $message]);
    }

    /**
     * The execution goes on.
     *
     * @throws TaskCancelled when the job is not wanted any more
     */
    public function alive(Task $task, ?array $progress = null): void
    {
        $wanted = $this->asked(fn () => $this->work->heartbeat($task, $progress))
            ?? $this->tell(Outcome::advanced($task, $progress));
        if (!$wanted) {
            throw new TaskCancelled("job $task->jobId is not wanted any more");
        }
    }

    /** Sends an outcome. Only then may the task be deleted: an exception ends the worker, and the task comes again. */
    public function tell(Outcome $outcome): bool
    {
        $this->bus->dispatch($outcome);

        return true;
    }

    /** The answer of the work service; nothing where there is none. */
    private function asked(callable $question): ?bool
    {
        if (!$this->work->isSetUp()) {
            return null;
        }
        try {
            return $question();
        } catch (ExceptionInterface $failure) {
            $this->logger->warning('The work service does not answer; the queue will do.', ['exception' => $failure]);

            return null;
        }
    }
}
