<?php

/** Finds classes: Composer's way where this is a project with vendor/, those of Debian's Symfony where it is not. */

declare(strict_types=1);

if (is_file(__DIR__ . '/vendor/autoload.php')) {
    return require __DIR__ . '/vendor/autoload.php';
}

require_once 'Symfony/Bundle/FrameworkBundle/autoload.php';
require_once 'Symfony/Component/Messenger/Bridge/AmazonSqs/autoload.php';
foreach (['Console', 'HttpClient', 'Messenger', 'PropertyAccess', 'PropertyInfo', 'Serializer', 'Yaml'] as $component) {
    require_once "Symfony/Component/$component/autoload.php";
}

spl_autoload_register(static function (string $class): void {
    foreach (['App\\Rehearsal\\' => 'rehearsal/', 'App\\' => 'src/'] as $namespace => $folder) {
        $file = __DIR__ . "/$folder" . strtr(substr($class, strlen($namespace)), '\\', '/') . '.php';
        if (str_starts_with($class, $namespace) && is_file($file)) {
            require $file;
            return;
        }
    }
});
