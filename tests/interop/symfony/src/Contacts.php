<?php

declare(strict_types=1);

namespace App;

/**
 * The contacts, in one SQLite database (a shard) an account.
 *
 * A task may come twice, for a worker can die after its commit and before its outcome is known. So what each job did is
 * kept, in the transaction that did it, and a job that has been here before is told the same again.
 */
final class Contacts
{
    private const BUSY_SECONDS = 30;
    private const CHUNK = 500;
    private const SCHEMA = '
        CREATE TABLE IF NOT EXISTS contacts (
            email TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, job_id TEXT NOT NULL
        ) STRICT;
        CREATE TABLE IF NOT EXISTS imports (
            job_id TEXT PRIMARY KEY, reference TEXT NOT NULL, inserted INTEGER NOT NULL, skipped INTEGER NOT NULL
        ) STRICT;
    ';

    public function __construct(private readonly string $folder)
    {
    }

    /**
     * Inserts the contacts that are new, all or none. `$progress` hears how many are dealt with; what it throws leaves
     * nothing behind.
     *
     * @param array{account: string, reference: string, contacts: list<array>} $import
     * @param callable(int): void                                              $progress
     *
     * @return array{inserted: int, skipped: int}
     */
    public function import(string $jobId, array $import, callable $progress): array
    {
        $database = $this->shard($import['account']);
        // For writing from the start: a second execution of the job waits here, and then finds what the first one did.
        $database->exec('BEGIN IMMEDIATE');
        try {
            $counts = self::earlier($database, $jobId) ?? self::insert($database, $jobId, $import, $progress);
            $database->exec('COMMIT');
        } catch (\Throwable $failure) {
            $database->exec('ROLLBACK');
            throw $failure;
        }

        return $counts;
    }

    /** @return ?array{inserted: int, skipped: int} */
    private static function earlier(\PDO $database, string $jobId): ?array
    {
        $query = $database->prepare('SELECT inserted, skipped FROM imports WHERE job_id = ?');
        $query->execute([$jobId]);

        return $query->fetch(\PDO::FETCH_ASSOC) ?: null;
    }

    private static function insert(\PDO $database, string $jobId, array $import, callable $progress): array
    {
        $insert = $database->prepare('INSERT OR IGNORE INTO contacts VALUES (?, ?, ?, ?)');
        $inserted = 0;
        $completed = 0;
        foreach (array_chunk($import['contacts'], self::CHUNK) as $chunk) {
            foreach ($chunk as $contact) {
                $insert->execute([$contact['email'], $contact['name'], $contact['phone'] ?? null, $jobId]);
                $inserted += $insert->rowCount();
            }
            $completed += count($chunk);
            $progress($completed);
        }
        $skipped = $completed - $inserted;
        $record = $database->prepare('INSERT INTO imports VALUES (?, ?, ?, ?)');
        $record->execute([$jobId, $import['reference'], $inserted, $skipped]);

        return ['inserted' => $inserted, 'skipped' => $skipped];
    }

    private function shard(string $account): \PDO
    {
        // The catalog's schema has seen to it; but it becomes the name of a file.
        if (preg_match('/^\w[\w.-]{0,63}$/D', $account) !== 1) {
            throw new \InvalidArgumentException('no name of an account');
        }
        if (!is_dir($this->folder)) {
            @mkdir($this->folder, recursive: true);
        }
        $options = [\PDO::ATTR_TIMEOUT => self::BUSY_SECONDS];
        $database = new \PDO("sqlite:$this->folder/$account.sqlite", options: $options);
        $database->exec(self::SCHEMA);

        return $database;
    }
}
