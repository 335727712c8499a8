<?php

declare(strict_types=1);

namespace App\Rehearsal;

/** Counts what survives the process. */
final class Tries
{
    public function __construct(private readonly string $file)
    {
    }

    /** How often this has been asked for the same name, now included. */
    public function next(string $name): int
    {
        $database = new \PDO("sqlite:$this->file", options: [\PDO::ATTR_TIMEOUT => 30]);
        $database->exec('CREATE TABLE IF NOT EXISTS tries (name TEXT PRIMARY KEY, count INTEGER NOT NULL)');
        $next = $database->prepare(
            'INSERT INTO tries VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count',
        );
        $next->execute([$name]);
        $count = $next->fetchColumn();
        // Ends the statement, and so its transaction.
        $next->fetchColumn();

        return (int) $count;
    }
}
