<?php

declare(strict_types=1);

namespace App;

/**
 * The contacts of all accounts, in one SQLite database.
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
            account TEXT NOT NULL, email TEXT NOT NULL, name TEXT NOT NULL, phone TEXT, job_id TEXT NOT NULL,
            PRIMARY KEY (account, email)
        );
        CREATE TABLE IF NOT EXISTS imports (
            job_id TEXT PRIMARY KEY, inserted INTEGER NOT NULL, skipped INTEGER NOT NULL
        );
    ';

    private ?\PDO $database = null;

    public function __construct(private readonly string $file)
    {
    }

    /**
     * Inserts the contacts that are new, all or none. `$progress` hears how many are dealt with; what it throws leaves
     * nothing behind.
     *
     * @param list<array{email: string, name: string, phone?: string}> $contacts
     * @param callable(int): void                                      $progress
     *
     * @return array{inserted: int, skipped: int}
     */
    public function import(string $jobId, string $account, array $contacts, callable $progress): array
    {
        $database = $this->database();
        // For writing from the start: a second execution of the job waits here, and then finds what the first one did.
        $database->exec('BEGIN IMMEDIATE');
        try {
            $counts = $this->earlier($jobId) ?? $this->insert($jobId, $account, $contacts, $progress);
            $database->exec('COMMIT');
        } catch (\Throwable $failure) {
            $database->exec('ROLLBACK');
            throw $failure;
        }

        return $counts;
    }

    /** @return ?array{inserted: int, skipped: int} */
    private function earlier(string $jobId): ?array
    {
        $query = $this->database()->prepare('SELECT inserted, skipped FROM imports WHERE job_id = ?');
        $query->execute([$jobId]);

        return $query->fetch(\PDO::FETCH_ASSOC) ?: null;
    }

    private function insert(string $jobId, string $account, array $contacts, callable $progress): array
    {
        $insert = $this->database()->prepare('INSERT OR IGNORE INTO contacts VALUES (?, ?, ?, ?, ?)');
        $inserted = 0;
        $completed = 0;
        foreach (array_chunk($contacts, self::CHUNK) as $chunk) {
            foreach ($chunk as $contact) {
                $insert->execute([$account, $contact['email'], $contact['name'], $contact['phone'] ?? null, $jobId]);
                $inserted += $insert->rowCount();
            }
            $completed += count($chunk);
            $progress($completed);
        }
        $counts = ['inserted' => $inserted, 'skipped' => count($contacts) - $inserted];
        $this->database()->prepare('INSERT INTO imports VALUES (?, ?, ?)')->execute([$jobId, ...array_values($counts)]);

        return $counts;
    }

    private function database(): \PDO
    {
        if ($this->database === null) {
            if (!is_dir(dirname($this->file))) {
                mkdir(dirname($this->file), recursive: true);
            }
            $this->database = new \PDO("sqlite:$this->file", options: [\PDO::ATTR_TIMEOUT => self::BUSY_SECONDS]);
            $this->database->exec(self::SCHEMA);
        }

        return $this->database;
    }
}
