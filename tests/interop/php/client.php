<?php

/** Checks the partner in PHP: `php client.php EDGE_ADDRESS`, of a stack with its example consumer, such as `postern dev`. */

declare(strict_types=1);

require __DIR__ . '/partner.php';

$failures = 0;
$edge = "http://$argv[1]";
$partner = new Partner($edge, access_token($edge));
$key = 'php-' . hrtime(true);
$payload = ['account' => 'interop', 'reference' => $key, 'contacts' => [['email' => "$key@example.com", 'name' => 'X']]];

$job = $partner->submit('contacts.import', $key, $payload);
check('a submitted job is queued', $job['state'] === 'JOB_STATE_QUEUED', $job);
$again = $partner->submit('contacts.import', $key, $payload);
check('the same key gives the same job', $again['jobId'] === $job['jobId'], $again);

$seen = iterator_to_array($partner->poll($job['jobId']));
$last = end($seen);
check('polling ends with SUCCEEDED', $last['state'] === 'JOB_STATE_SUCCEEDED', $last);
check('the result is there', ($last['result']['inserted'] ?? null) === 1, $last);
check('the ETag is the revision', array_key_last($seen) === "\"{$last['revision']}\"", array_keys($seen));
$answer = $partner->get($job['jobId'], array_key_last($seen));
check('what is known already is not sent again', $answer->job === null && $answer->etag === array_key_last($seen), $answer);

try {
    $partner->submit('contacts.import', "$key-wrong", ['account' => 'interop', 'contacts' => []]);
    check('a payload that does not fit is refused', false, 'accepted');
} catch (PosternError $error) {
    check('a payload that does not fit is refused', $error->getCode() === 400, $error->getMessage());
    check('the error gives a reason', $error->reason === 'PAYLOAD_INVALID', $error->reason);
    $reasons = array_column($error->violations, 'reason', 'field');
    check('the error names the field', ($reasons['/payload/reference'] ?? null) === 'REQUIRED', $error->violations);
}
exit($failures === 0 ? 0 : 1);

function access_token(string $edge): string
{
    $form = ['grant_type' => 'client_credentials', 'client_id' => 'acme', 'client_secret' => 'acme-secret'];
    $http = curl_init("$edge/oauth2/token");
    curl_setopt_array($http, [CURLOPT_POSTFIELDS => http_build_query($form), CURLOPT_RETURNTRANSFER => true]);
    return json_decode((string) curl_exec($http), true, flags: JSON_THROW_ON_ERROR)['access_token'];
}

function check(string $name, bool $holds, mixed $seen): void
{
    global $failures;
    $failures += $holds ? 0 : 1;
    echo $holds ? "ok $name\n" : "FAIL $name: " . json_encode($seen) . "\n";
}
