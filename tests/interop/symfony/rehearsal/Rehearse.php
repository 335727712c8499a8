<?php

declare(strict_types=1);

namespace App\Rehearsal;

use App\Postern\Task;

final class Rehearse extends Task
{
}
