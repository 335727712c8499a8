<?php

declare(strict_types=1);

namespace App\Postern;

use Psr\Log\LoggerInterface;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Event\WorkerMessageFailedEvent;
use Symfony\Component\Messenger\Event\WorkerMessageHandledEvent;
use Symfony\Component\Messenger\Event\WorkerMessageReceivedEvent;
use Symfony\Component\Messenger\Exception\HandlerFailedException;
use Symfony\Component\Messenger\Stamp\HandledStamp;
use Symfony\Component\Messenger\Stamp\RedeliveryStamp;

/**
 * Sends the outcomes of tasks. Each event comes before the worker deletes the message, so nothing is deleted that
 * Postern was not told of.
 */
final class WorkerListener implements EventSubscriberInterface
{
    private const RESULT_BYTES_MAX = 256 * 1024;

    public function __construct(private readonly Reporter $reporter, private readonly LoggerInterface $logger)
    {
    }

    public static function getSubscribedEvents(): array
    {
        return [
            WorkerMessageReceivedEvent::class => 'received',
            WorkerMessageHandledEvent::class => 'handled',
            // After Messenger has decided whether to try again (100), before a failure transport has it (-100).
            WorkerMessageFailedEvent::class => ['failed', 0],
        ];
    }

    public function received(WorkerMessageReceivedEvent $event): void
    {
        $task = $event->getEnvelope()->getMessage();
        if ($task instanceof UnreadableTask) {
            // Not deleted either: it comes again, to another consumer, or ends in the dead-letter queue.
            $event->shouldHandle(false);
            $this->logger->critical('A message stays in the queue: {why}', ['why' => $task->why]);
        } elseif ($task instanceof Task && !$task->deadlinePassed() && !$this->begins($task, $event->getEnvelope())) {
            $event->addStamps(new Unwanted());
        }
    }

    public function handled(WorkerMessageHandledEvent $event): void
    {
        $envelope = $event->getEnvelope();
        $task = $envelope->getMessage();
        if ($task instanceof Task && $envelope->last(Unwanted::class) === null) {
            $this->reporter->tell($this->ended($task, $envelope->last(HandledStamp::class)?->getResult()));
        }
    }

    public function failed(WorkerMessageFailedEvent $event): void
    {
        $task = $event->getEnvelope()->getMessage();
        if ($event->willRetry() || !$task instanceof Task) {
            return;
        }
        $failure = $event->getThrowable();
        if ($failure instanceof HandlerFailedException) {
            $failure = $failure->getPrevious();
        }
        $this->reporter->tell($failure instanceof TaskCancelled
            ? Outcome::cancelled($task)
            : Outcome::failed($task, $failure instanceof TaskFailed ? $failure : null));
    }

    /** A result that cannot be told is a failure: the outcome would not go out, and the task come again for ever. */
    private function ended(Task $task, mixed $result): Outcome
    {
        $json = json_encode($result);
        if ($json === false || strlen($json) > self::RESULT_BYTES_MAX) {
            return Outcome::failed($task, new TaskFailed('RESULT_UNUSABLE', 'the result cannot be told', 'INTERNAL'));
        }

        return Outcome::succeeded($task, is_array($result) ? $result : null);
    }

    /** Whether an execution begins, or goes on. */
    private function begins(Task $task, Envelope $envelope): bool
    {
        $isRetry = RedeliveryStamp::getRetryCountFromEnvelope($envelope) > 0;

        return $isRetry ? $this->goesOn($task) : $this->reporter->begin($task);
    }

    /**
     * A retry goes on with an execution that Postern knows of. The last try has ended, so nobody else would say that it
     * was cancelled.
     */
    private function goesOn(Task $task): bool
    {
        try {
            $this->reporter->alive($task);
        } catch (TaskCancelled) {
            $this->reporter->tell(Outcome::cancelled($task));

            return false;
        }

        return true;
    }
}
