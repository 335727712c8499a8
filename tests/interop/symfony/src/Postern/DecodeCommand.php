<?php

declare(strict_types=1);

namespace App\Postern;

use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/**
 * Shows that this application can take every task of a catalog, in its own CI:
 *
 *     postern catalog example | bin/console postern:decode
 */
#[AsCommand('postern:decode', 'Decodes the tasks that "postern catalog example" prints, a line each.')]
final class DecodeCommand extends Command
{
    public function __construct(private readonly TaskSerializer $serializer)
    {
        parent::__construct();
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $tasks = 0;
        $faults = 0;
        while (($line = fgets(\STDIN)) !== false) {
            $message = json_decode($line, true, flags: \JSON_THROW_ON_ERROR);
            $body = json_decode($message['MessageBody'], true, flags: \JSON_THROW_ON_ERROR);
            $headers = [];
            foreach ($message['MessageAttributes'] as $name => $attribute) {
                $headers[$name] = $attribute['StringValue'];
            }
            $fault = $this->fault($message['MessageBody'], $headers, $body);
            $output->writeln($fault === null ? "ok {$body['jobType']}" : "FAIL {$body['jobType']}: $fault");
            $tasks++;
            $faults += $fault === null ? 0 : 1;
        }

        return $tasks > 0 && $faults === 0 ? self::SUCCESS : self::FAILURE;
    }

    /** @param array<string, string> $headers */
    private function fault(string $body, array $headers, array $expected): ?string
    {
        $envelope = $this->serializer->decode(['body' => $body, 'headers' => $headers]);
        // As Messenger does for a retry.
        foreach ([$envelope, $this->serializer->decode($this->serializer->encode($envelope))] as $decoded) {
            $message = $decoded->getMessage();
            if ($message instanceof UnreadableTask) {
                return $message->why;
            }
            // Compared as values: 5.0 for 5 would be the partner's number all the same.
            if (get_object_vars($message) != $expected) {
                return 'something of it is lost';
            }
        }

        return null;
    }
}
