<?php

declare(strict_types=1);

namespace App\Rehearsal;

use App\Postern\Task;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\Messenger\Event\WorkerMessageHandledEvent;

/** Kills the worker at its worst moment, once for each job with the label `kill`: all is done, and nobody knows. */
final class KillSwitch implements EventSubscriberInterface
{
    public function __construct(private readonly Tries $tries)
    {
    }

    public static function getSubscribedEvents(): array
    {
        return [WorkerMessageHandledEvent::class => ['handled', 1]];
    }

    public function handled(WorkerMessageHandledEvent $event): void
    {
        $task = $event->getEnvelope()->getMessage();
        if ($task instanceof Task && isset($task->labels['kill']) && $this->tries->next("kill $task->jobId") === 1) {
            posix_kill(posix_getpid(), \SIGKILL);
        }
    }
}
