<?php

declare(strict_types=1);

namespace App\Postern;

/** A message that is no task here: another consumer may know it, so it stays in the queue. */
final class UnreadableTask
{
    public function __construct(public readonly string $why)
    {
    }
}
