<?php

declare(strict_types=1);

namespace App\Postern;

use Symfony\Component\EventDispatcher\EventSubscriberInterface;
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
    public function __construct(private readonly Reporter $reporter)
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
        if (!$task instanceof Task || $task->deadlinePassed()) {
            return;
        }
        $isRetry = RedeliveryStamp::getRetryCountFromEnvelope($event->getEnvelope()) > 0;
        if (!($isRetry ? $this->goesOn($task) : $this->reporter->begin($task))) {
            $event->addStamps(new Unwanted());
        }
    }

    public function handled(WorkerMessageHandledEvent $event): void
    {
        $envelope = $event->getEnvelope();
        $task = $envelope->getMessage();
        if ($task instanceof Task && $envelope->last(Unwanted::class) === null) {
            $result = $envelope->last(HandledStamp::class)?->getResult();
            $this->reporter->tell(Outcome::succeeded($task, is_array($result) ? $result : null));
        }
    }

    public function failed(WorkerMessageFailedEvent $event): void
    {
        $task = $event->getEnvelope()->getMessage();
        $isTask = $task instanceof Task || $task instanceof UnreadableTask;
        if ($event->willRetry() || !$isTask || $task->outcomeToken === null) {
            return;
        }
        $failure = $event->getThrowable();
        if ($failure instanceof HandlerFailedException) {
            $failure = $failure->getPrevious();
        }
        $this->reporter->tell($failure instanceof TaskCancelled
            ? Outcome::cancelled($task->outcomeToken)
            : Outcome::failed($task->outcomeToken, $failure instanceof TaskFailed ? $failure : null));
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
            $this->reporter->tell(Outcome::cancelled($task->outcomeToken));

            return false;
        }

        return true;
    }
}
