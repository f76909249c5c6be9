// Better Auth with its SCIM plugin, in memory and on loopback.
//
//   node better-auth.mjs FOLDER TOKEN
//
// FOLDER holds the installed packages. Each /STORE/scim/v2 is a separate store that its first
// request creates. Prints "Serving URL" once it listens, and ends when its standard input does.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, token] = process.argv.slice(2);
const { resolve: find } = createRequire(resolve(folder, "package.json"));
const load = (name) => import(pathToFileURL(find(name)));
const { betterAuth } = await load("better-auth");
const { memoryAdapter } = await load("better-auth/adapters/memory");
const { toNodeHandler } = await load("better-auth/node");
const { getAuthTables } = await load("better-auth/db");
const { scim } = await load("@better-auth/scim");

const handlers = new Map();
let root;

function open(store) {
  const options = {
    baseURL: `${root}/${store}`,
    basePath: `/${store}`,
    secret: "only-for-tests-0123456789-0123456789",
    plugins: [
      scim({ connections: [{ id: "hr", credentials: [{ type: "bearer", id: "hr", token }] }] }),
    ],
    rateLimit: { enabled: false },
    logger: { disabled: true },
    telemetry: { enabled: false },
  };
  const tables = Object.keys(getAuthTables(options)).map((name) => [name, []]);
  const database = memoryAdapter(Object.fromEntries(tables));
  return toNodeHandler(betterAuth({ ...options, database }));
}

const server = createServer((request, response) => {
  const [, store] = request.url.split("/");
  if (!handlers.has(store)) handlers.set(store, open(store));
  handlers.get(store)(request, response);
});
server.listen(0, "127.0.0.1", () => {
  root = `http://127.0.0.1:${server.address().port}`;
  console.log(`Serving ${root}`);
});
process.stdin.resume().on("end", () => process.exit());
