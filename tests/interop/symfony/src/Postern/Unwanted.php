<?php

declare(strict_types=1);

namespace App\Postern;

use Symfony\Component\Messenger\Stamp\NonSendableStampInterface;

/**
 * On a task that is to be dropped without an outcome. (`shouldHandle(false)` on the event would leave it in the queue.)
 */
final class Unwanted implements NonSendableStampInterface
{
}
