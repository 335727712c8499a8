<?php

/** A partner in PHP over REST, with curl alone: this file is what to copy, client.php what it is checked with. */

declare(strict_types=1);

/** An answer that is an error: code, message, a reason to branch on, and the fields that do not fit. */
final class PosternError extends Exception
{
    public readonly string $reason;

    /** @var list<array{field: string, description: string, reason: string}> */
    public readonly array $violations;

    public function __construct(int $httpStatus, array $error)
    {
        parent::__construct($error['message'], $httpStatus);
        $details = array_column($error['details'], null, '@type');
        $this->reason = $details['type.googleapis.com/google.rpc.ErrorInfo']['reason'] ?? '';
        $this->violations = $details['type.googleapis.com/google.rpc.BadRequest']['fieldViolations'] ?? [];
    }
}

/** A job as it was answered. */
final class Answer
{
    /** @param ?array $job nothing, when it is still as the ETag said (304) */
    public function __construct(
        public readonly ?array $job,
        public readonly string $etag,
        public readonly ?int $retryAfterSeconds,
    ) {
    }
}

/** Submits jobs and learns what became of them. */
final class Partner
{
    private const ENDED = ['JOB_STATE_SUCCEEDED', 'JOB_STATE_FAILED', 'JOB_STATE_CANCELLED', 'JOB_STATE_EXPIRED'];

    /** Takes the edge's URL and an access token. */
    public function __construct(private readonly string $edge, private readonly string $token)
    {
    }

    /** Hands a job over once, however often it is called with this key. */
    public function submit(string $jobType, string $key, array $payload): array
    {
        $body = json_encode(['jobType' => $jobType, 'payload' => $payload], JSON_THROW_ON_ERROR);
        return $this->request('/v1/jobs', ['Content-Type: application/json', "Idempotency-Key: $key"], $body)->job;
    }

    /** The job as it is, or that it has not changed since it had this ETag. */
    public function get(string $jobId, ?string $etag = null): Answer
    {
        return $this->request("/v1/jobs/$jobId", $etag === null ? [] : ["If-None-Match: $etag"]);
    }

    /**
     * Each new state of the job until it has ended, asking as often as Retry-After says.
     *
     * @return Generator<string, array> the job by its ETag
     */
    public function poll(string $jobId): Generator
    {
        $etag = null;
        $pauseSeconds = 1;
        while (true) {
            $answer = $this->get($jobId, $etag);
            if ($answer->job !== null) {
                yield $etag = $answer->etag => $answer->job;
                if (in_array($answer->job['state'], self::ENDED, true)) {
                    return;
                }
                $pauseSeconds = $answer->retryAfterSeconds ?? $pauseSeconds;
            }
            sleep($pauseSeconds);
        }
    }

    private function request(string $path, array $headers, ?string $body = null): Answer
    {
        $answered = [];
        $http = curl_init($this->edge . $path);
        curl_setopt_array($http, [
            CURLOPT_HTTPHEADER => ["Authorization: Bearer $this->token", ...$headers],
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 60,
            CURLOPT_HEADERFUNCTION => static function (CurlHandle $http, string $line) use (&$answered): int {
                [$name, $value] = explode(':', $line, 2) + [1 => ''];
                $answered[strtolower($name)] = trim($value);
                return strlen($line);
            },
        ] + ($body === null ? [] : [CURLOPT_POSTFIELDS => $body]));
        $text = curl_exec($http);
        if ($text === false) {
            throw new RuntimeException(curl_error($http));
        }
        $status = curl_getinfo($http, CURLINFO_RESPONSE_CODE);
        $json = $text === '' ? null : json_decode($text, true, flags: JSON_THROW_ON_ERROR);
        if ($status >= 400) {
            throw new PosternError($status, $json['error']);
        }
        $retryAfter = $answered['retry-after'] ?? null;
        return new Answer($json, $answered['etag'], $retryAfter === null ? null : (int) $retryAfter);
    }
}
