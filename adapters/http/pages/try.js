"use strict";
// Every text is set as text, never as markup. The API key stays in this page.
const byId = (id) => document.getElementById(id);
let api = null;
let csrf = "";

function made(tag, text, className) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function resolved(schema) {
  if (schema && schema.$ref) return api.components.schemas[schema.$ref.split("/").pop()];
  return schema || {};
}

function example(schema, depth = 0) {
  const known = resolved(schema);
  if (depth > 6) return null;
  if ("default" in known) return known.default;
  if (known.enum) return known.enum[0];
  if (known.anyOf) return example(known.anyOf.find((each) => each.type !== "null"), depth + 1);
  if (known.type === "array") return [example(known.items, depth + 1)];
  if (known.properties) {
    const needed = known.required || Object.keys(known.properties);
    return Object.fromEntries(needed.map((name) => [name, example(known.properties[name], depth + 1)]));
  }
  return { integer: 0, number: 0, boolean: false, string: "", object: {} }[known.type] ?? null;
}

function limits(schema) {
  const { title, description, $ref, properties, ...rest } = resolved(schema);
  const said = Object.entries(rest).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return [description, ...said].filter(Boolean).join(" · ");
}

async function ask(method, path, headers, body) {
  const sent = { Accept: headers.Accept || "application/json", ...headers };
  const key = byId("key").value.trim();
  if (key) sent.Authorization = `Bearer ${key}`;
  else if (csrf && method !== "GET") sent["X-CSRF-Token"] = csrf;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers: sent, body, credentials: "same-origin" });
  const text = await answer.text();
  const told = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it came */ }
  return { status: answer.status, text, shown: `${answer.status}\n${told}\n\n${shown}` };
}

function fields(operation, form) {
  return (operation.parameters || []).filter((each) => each.name !== "X-CSRF-Token").map((each) => {
    const label = made("label", `${each.name} (${each.in})${each.required ? " *" : ""}`);
    const input = made("input");
    if (each.name === "Idempotency-Key") input.value = crypto.randomUUID ? crypto.randomUUID() : String(Date.now());
    label.append(input, made("span", limits(each.schema), "limits"));
    form.append(label);
    return [each, input];
  });
}

function shown(method, path, operation) {
  const details = made("details");
  const summary = made("summary");
  summary.append(made("span", method.toUpperCase(), "method"), made("span", path, "path"), made("span", operation.summary, "summary"));
  const inside = made("div");
  const form = made("form");
  details.append(summary, inside);
  details.addEventListener("toggle", () => {
    if (!details.open || inside.childElementCount) return;
    if (operation["x-roles"]) inside.append(made("p", `Roles: ${operation["x-roles"].join(", ") || "none"}. Scopes: ${operation["x-scopes"].join(", ") || "none"}.`, "limits"));
    const inputs = fields(operation, form);
    const schema = operation.requestBody && operation.requestBody.content["application/json"].schema;
    const body = schema && made("textarea");
    if (body) {
      body.value = JSON.stringify(example(schema), null, 2);
      form.append(body);
      const known = resolved(schema).properties || {};
      for (const [name, each] of Object.entries(known)) form.append(made("div", `${name}: ${limits(each)}`, "limits"));
    }
    form.append(made("button", "Send"));
    const answer = made("pre");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      let url = path;
      const query = new URLSearchParams();
      const headers = {};
      for (const [each, input] of inputs) {
        if (!input.value) continue;
        if (each.in === "path") url = url.replace(`{${each.name}}`, encodeURIComponent(input.value));
        else if (each.in === "query") query.set(each.name, input.value);
        else headers[each.name] = input.value;
      }
      if ([...query].length) url += `?${query}`;
      try { answer.textContent = (await ask(method.toUpperCase(), url, headers, body ? body.value : undefined)).shown; }
      catch (error) { answer.textContent = `No answer: ${error}`; }
    });
    inside.append(form, answer);
    for (const [status, each] of Object.entries(operation.responses)) inside.append(made("div", `${status}: ${each.description}`, "limits"));
  });
  return details;
}

byId("who").addEventListener("submit", async (event) => {
  event.preventDefault();
  const sent = { name: byId("name").value, password: byId("password").value };
  if (byId("code").value) sent.code = byId("code").value;
  const answer = await ask("POST", "/v1/session", {}, JSON.stringify(sent));
  byId("password").value = byId("code").value = "";
  const told = JSON.parse(answer.text);
  csrf = told.csrf_token || "";
  byId("state").textContent = csrf ? `${told.person.name}, ${told.person.role}` : told.detail;
});

fetch("/openapi.json").then((answer) => answer.json()).then((document_) => {
  api = document_;
  byId("introduction").textContent = api.info.description;
  let topic = "";
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation.tags[0] !== topic) byId("operations").append(made("h2", topic = operation.tags[0]));
      byId("operations").append(shown(method, path, operation));
    }
  }
});
