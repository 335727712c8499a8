<?php

declare(strict_types=1);

namespace App\MessageHandler;

use App\Contacts;
use App\Message\ImportContacts;
use App\Postern\Reporter;
use App\Postern\TaskFailed;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;

#[AsMessageHandler]
final class ImportContactsHandler
{
    private const NO_SUCH_ACCOUNT = 'unknown';

    public function __construct(private readonly Contacts $contacts, private readonly Reporter $reporter)
    {
    }

    /**
     * What is returned is the result that the partner reads.
     *
     * @return array{inserted: int, skipped: int}
     */
    public function __invoke(ImportContacts $task): array
    {
        ['account' => $account, 'contacts' => $contacts] = $task->payload;
        if ($account === self::NO_SUCH_ACCOUNT) {
            throw new TaskFailed('ACCOUNT_UNKNOWN', "account $account does not exist", 'NOT_FOUND');
        }
        $progress = fn (int $completed) => $this->reporter->progress(
            $task,
            $completed,
            count($contacts),
            'inserting contacts',
        );

        return $this->contacts->import($task->jobId, $task->payload, $progress);
    }
}
