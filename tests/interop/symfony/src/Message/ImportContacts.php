<?php

declare(strict_types=1);

namespace App\Message;

use App\Postern\Task;

/** A task of the job type `contacts.import`: the catalog names this class as its `consumer_type`. */
final class ImportContacts extends Task
{
}
