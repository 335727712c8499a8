<?php

declare(strict_types=1);

namespace App\Postern;

/** A message that is no task: it fails as one, so that it is logged, its job is told, and the worker goes on. */
final class UnreadableTask
{
    public function __construct(public readonly ?string $outcomeToken, public readonly string $why)
    {
    }
}
