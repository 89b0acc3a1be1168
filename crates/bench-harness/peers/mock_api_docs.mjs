// Opens mock-api's /docs and /redoc in a real browser, sends a request from Swagger UI, and fails if a page asks for
// anything that is not the server's own.
//
//   npm install playwright-core && node crates/bench-harness/peers/mock_api_docs.mjs http://127.0.0.1:8000 [FOLDER]
//
// CHROMIUM names the browser (/usr/bin/chromium of Debian); screenshots go to FOLDER.
import { chromium } from 'playwright-core';

const [base, folder] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
const wrong = [];
page.on('request', (request) => {
  const url = request.url();
  if (![base, 'data:', 'blob:'].some((own) => url.startsWith(own))) wrong.push(`asked for ${url}`);
});
page.on('requestfailed', (request) => wrong.push(`did not get ${request.url()}`));
page.on('pageerror', (error) => wrong.push(String(error)));

await page.goto(`${base}/docs`);
await page.waitForSelector('.opblock');
const operations = await page.locator('.opblock').count();
const weather = page.locator('.opblock', { has: page.locator('[data-path="/weather/{city}"]') }).first();
await weather.locator('.opblock-summary').click();
await weather.locator('.try-out__btn').click();
await weather.locator('input[placeholder="city"]').fill('Lisboa');
await weather.locator('button.execute').click();
const status = weather.locator('.live-responses-table tbody .response-col_status').first();
await status.waitFor();
if ((await status.innerText()).trim() !== '200') wrong.push(`Swagger UI got ${await status.innerText()}`);
const body = await weather.locator('.live-responses-table .highlight-code code').first().innerText();
if (!body.includes('"city": "Lisboa"')) wrong.push(`Swagger UI shows ${body}`);
await weather.scrollIntoViewIfNeeded();
if (folder) await page.screenshot({ path: `${folder}/docs.png` });

await page.goto(`${base}/redoc`);
await page.locator('h1', { hasText: 'mock-api' }).waitFor();
await page.locator('h2', { hasText: 'The weather of a city' }).waitFor();
if (folder) await page.screenshot({ path: `${folder}/redoc.png` });
await browser.close();

console.log(`${operations} operations in Swagger UI; a request sent and answered; ReDoc shows them too`);
wrong.forEach((what) => console.error(what));
process.exit(wrong.length > 0 ? 1 : 0);
