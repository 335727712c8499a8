// Opens the page in Chromium and prints the checks that it makes:
//
//     node drive.mjs CHROMIUM PAGE_URL EDGE_ADDRESS
//
// The page is served elsewhere, for the edge must know its origin (cors_origins) when it starts. The token comes from here, as it
// would from a partner's own server.

import { chromium } from "playwright-core";

const [executablePath, page, edge] = process.argv.slice(2);
const stepMillisMax = 60_000;

const form = { grant_type: "client_credentials", client_id: "acme", client_secret: "acme-secret" };
const answer = await fetch(`http://${edge}/oauth2/token`, { method: "POST", body: new URLSearchParams(form) });
const { access_token: token } = await answer.json();

// The sandbox wants a user other than root.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"], timeout: stepMillisMax });
try {
  const tab = await browser.newPage();
  tab.setDefaultTimeout(stepMillisMax);
  let failures = 0;
  tab.on("console", (line) => {
    failures += line.text().startsWith("FAIL ");
    console.log(line.text());
  });
  await tab.goto(page);
  await tab.waitForFunction(() => "run" in globalThis);
  await tab.evaluate(([edge, token]) => globalThis.run(edge, token), [`http://${edge}`, token]);

  // The same page under another name is of another origin, which the edge was not told of.
  const stranger = await browser.newPage();
  await stranger.goto(page.replace("127.0.0.1", "localhost"));
  const reads = await stranger.evaluate((edge) => fetch(edge).then(() => true, () => false), `http://${edge}/healthz`);
  console.log(reads ? "FAIL a page of another origin reads nothing" : "ok a page of another origin reads nothing");
  process.exitCode = failures > 0 || reads ? 1 : 0;
} finally {
  await browser.close();
}
