<?php

declare(strict_types=1);

namespace App\Postern;

use Symfony\Contracts\HttpClient\HttpClientInterface;

/** Postern's WorkService over REST, for consumers that can reach it: is a task wanted, still? */
final class WorkService
{
    private const TIMEOUT_SECONDS = 10;
    /** A token is renewed before it ends. */
    private const MARGIN_SECONDS = 60;

    private string $token = '';
    private float $tokenEnds = 0;

    public function __construct(
        private readonly HttpClientInterface $http,
        private readonly string $url,
        private readonly string $tokenUrl,
        private readonly string $clientId,
        private readonly string $clientSecret,
    ) {
    }

    public function isSetUp(): bool
    {
        return $this->url !== '';
    }

    /** Whether to execute. If so, Postern knows that it has begun. */
    public function begin(Task $task): bool
    {
        $answer = $this->call('begin', ['outcomeToken' => $task->outcomeToken]);

        return ($answer['decision'] ?? '') === 'DECISION_GO';
    }

    /** Whether to go on. If so, the execution timeout starts anew. */
    public function heartbeat(Task $task, ?array $progress): bool
    {
        $request = array_filter(['outcomeToken' => $task->outcomeToken, 'progress' => $progress]);
        $answer = $this->call('heartbeat', $request);

        return ($answer['decision'] ?? '') === 'DECISION_GO' && !($answer['cancelRequested'] ?? false);
    }

    private function call(string $method, array $request): array
    {
        $answer = $this->http->request('POST', "$this->url/v1/work/tasks:$method", [
            'auth_bearer' => $this->token(),
            'json' => $request,
            'timeout' => self::TIMEOUT_SECONDS,
        ]);

        return $answer->toArray();
    }

    private function token(): string
    {
        if (microtime(true) >= $this->tokenEnds) {
            $answer = $this->http->request('POST', $this->tokenUrl, [
                'auth_basic' => [$this->clientId, $this->clientSecret],
                'body' => ['grant_type' => 'client_credentials'],
                'timeout' => self::TIMEOUT_SECONDS,
            ])->toArray();
            $this->token = $answer['access_token'];
            $this->tokenEnds = microtime(true) + $answer['expires_in'] - self::MARGIN_SECONDS;
        }

        return $this->token;
    }
}
