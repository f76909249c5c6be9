// SCIMMY with its Express routers, in memory and on loopback.
//
//   node scimmy.mjs FOLDER TOKEN
//
// FOLDER holds the installed packages. Each /STORE/v2 is a separate store that its first request
// creates. Prints "Serving URL" once it listens, and ends when its standard input does.
import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";

const [folder, token] = process.argv.slice(2);
const require = createRequire(resolve(folder, "package.json"));
const express = require("express");
const { SCIMMY, SCIMMYRouters } = require("scimmy-routers");

const stores = new Map();
const unique = { User: "userName" };

function held(kind, store) {
  if (!stores.has(store)) stores.set(store, { User: new Map(), Group: new Map() });
  return stores.get(store)[kind];
}

function declare(Resource) {
  const kind = Resource.name;
  const missing = (id) => new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
  SCIMMY.Resources.declare(Resource)
    .egress((resource, store) => {
      const all = held(kind, store);
      if (!resource.id) {
        const every = [...all.values()];
        return resource.filter ? resource.filter.match(every) : every;
      }
      if (!all.has(resource.id)) throw missing(resource.id);
      return all.get(resource.id);
    })
    .ingress((resource, data, store) => {
      const all = held(kind, store);
      const id = resource.id ?? randomUUID();
      const before = all.get(id);
      if (resource.id && !before) throw missing(id);
      const sent = JSON.parse(JSON.stringify(data));
      const name = sent[unique[kind]]?.toLowerCase();
      for (const other of name === undefined ? [] : all.values()) {
        if (other.id !== id && other[unique[kind]].toLowerCase() === name)
          throw new SCIMMY.Types.Error(409, "uniqueness", `${sent[unique[kind]]} exists`);
      }
      const now = new Date().toISOString();
      const meta = { created: before?.meta.created ?? now, lastModified: now };
      all.set(id, { ...sent, id, meta });
      return all.get(id);
    })
    .degress((resource, store) => {
      if (!held(kind, store).delete(resource.id)) throw missing(resource.id);
    });
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
[SCIMMY.Resources.User, SCIMMY.Resources.Group].forEach(declare);

const routers = new SCIMMYRouters({
  type: "bearer",
  handler: (request) => {
    if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("wrong token");
    return "tests";
  },
  context: (request) => request.params.store,
});
const app = express();
app.use("/:store/v2", routers);
app.use((error, request, response, next) => next()); // answered already
const server = app.listen(0, "127.0.0.1", () => {
  console.log(`Serving http://127.0.0.1:${server.address().port}`);
});
process.stdin.resume().on("end", () => process.exit());
