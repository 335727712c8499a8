// Opens the page in Chromium and prints the checks that it makes: `run browser EDGE_ADDRESS PAGE_URL`.

import { chromium } from "playwright-core";
import { accessToken } from "./token.js";

const [executablePath, address, page] = process.argv.slice(2);
const edge = `http://${address}`;
const stepMillisMax = 60_000;

// The sandbox wants a user other than root.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"], timeout: stepMillisMax });
try {
  const tab = await browser.newPage();
  tab.setDefaultTimeout(stepMillisMax);
  tab.on("console", (line) => print(line.text()));
  await tab.goto(page!);
  await tab.waitForFunction("globalThis.run");
  await tab.evaluate(`run("${edge}", "${await accessToken(edge)}")`);

  // The same page under another name is of another origin, which the edge was not told of.
  const stranger = await browser.newPage();
  await stranger.goto(page!.replace("127.0.0.1", "localhost"));
  const outcome = await stranger.evaluate(`fetch("${edge}/healthz").then(() => "read", () => "refused")`);
  print(outcome === "refused" ? "ok a page of another origin is refused" : "FAIL a page of another origin is refused");
} finally {
  await browser.close();
}

function print(line: string) {
  console.log(line);
  if (line.startsWith("FAIL ")) {
    process.exitCode = 1;
  }
}
