<?php

declare(strict_types=1);

namespace App\Postern;

use Symfony\Component\Messenger\Exception\UnrecoverableExceptionInterface;

/** Stops a handler whose job is not wanted any more: undo what was done, and let it through. The job is CANCELLED. */
final class TaskCancelled extends \RuntimeException implements UnrecoverableExceptionInterface
{
}
