<?php

declare(strict_types=1);

namespace App\Rehearsal;

use App\Postern\Reporter;
use App\Postern\TaskFailed;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;

/** Fails, dies and dawdles as it is told to. */
#[AsMessageHandler]
final class RehearseHandler
{
    private const BEAT_MICROSECONDS = 50_000;

    public function __construct(private readonly Tries $tries, private readonly Reporter $reporter)
    {
    }

    public function __invoke(Rehearse $task): array
    {
        $told = $task->payload + ['failures' => 0, 'deaths' => 0, 'beatsMax' => 0, 'text' => ''];
        $try = $this->tries->next($task->jobId);
        if ($try <= $told['deaths']) {
            posix_kill(posix_getpid(), \SIGKILL);
        }
        if ($try <= $told['failures']) {
            throw new \LogicException('the password of the database is swordfish');
        }
        if (isset($told['refused'])) {
            $violation = ['pointer' => $told['refused'], 'message' => 'no'];
            throw new TaskFailed('REFUSED', 'not like this', 'INVALID_ARGUMENT', [$violation]);
        }
        for ($beat = 1; $beat <= $told['beatsMax']; $beat++) {
            $this->reporter->progress($task, $beat, $told['beatsMax'], 'dawdling');
            usleep(self::BEAT_MICROSECONDS);
        }

        if ($told['unusable'] ?? false) {
            return ['everything' => \INF];
        }

        return [
            'tries' => $try,
            'figures' => $told['figures'] ?? null,
            'textBytes' => strlen($told['text']),
            'textSha256' => hash('sha256', $told['text']),
        ];
    }
}
