/**
 * Draws openapi.json: sections by tag, parameters, schemas, an example of each, a form for GET.
 * Plain scripts of this server only; text is set as text, never as markup.
 */

const content = document.querySelector("#content");
const sections = document.querySelector("#sections");

/** @returns {HTMLElement} an element with properties and children */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

const text = (value) => document.createTextNode(value);

/** A paragraph whose `words` between backquotes are code. */
function paragraph(words) {
  const parts = words
    .split("`")
    .map((part, index) => (index % 2 === 1 ? make("code", {}, part) : text(part)));
  return make("p", {}, ...parts);
}

function resolve(document, node) {
  let found = node;
  while (found?.$ref !== undefined) {
    found = found.$ref
      .slice(2)
      .split("/")
      .reduce((at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], document);
  }
  return found ?? {};
}

/** A value that fits the schema, for a person to look at. */
function exampleOf(api, schema, depth = 0) {
  const found = resolve(api, schema);
  if (depth > 6) return "…";
  for (const known of ["example", "default", "const"]) {
    if (found[known] !== undefined) return found[known];
  }
  if (found.examples?.length) return found.examples[0];
  if (found.enum) return found.enum[0];
  const choice = found.oneOf ?? found.anyOf;
  if (choice) {
    const first = choice.find((each) => resolve(api, each).type !== "null") ?? choice[0];
    return exampleOf(api, first, depth + 1);
  }
  if (found.allOf) {
    return Object.assign({}, ...found.allOf.map((each) => exampleOf(api, each, depth + 1)));
  }
  const type = Array.isArray(found.type) ? found.type[0] : found.type;
  if (type === "object" || found.properties) {
    return Object.fromEntries(
      Object.entries(found.properties ?? {}).map(([key, each]) => [
        key,
        exampleOf(api, each, depth + 1),
      ]),
    );
  }
  if (type === "array") return found.items ? [exampleOf(api, found.items, depth + 1)] : [];
  if (type === "integer" || type === "number") return found.minimum ?? 1;
  if (type === "boolean") return true;
  if (type === "null") return null;
  if (found.format === "uuid") return "0199a000-0000-7000-8000-000000000001";
  if (found.format === "date-time") return "2026-01-25T08:08:54.000Z";
  return type === "string" ? "text" : {};
}

function typeOf(api, schema) {
  const found = resolve(api, schema);
  if (found.enum) return found.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (found.anyOf ?? found.oneOf) {
    return (found.anyOf ?? found.oneOf).map((each) => typeOf(api, each)).join(" | ");
  }
  const limits = ["minimum", "maximum", "minLength", "maxLength", "pattern"]
    .filter((key) => found[key] !== undefined && Math.abs(found[key]) !== Number.MAX_SAFE_INTEGER)
    .map((key) => `${key} ${found[key]}`);
  const type = [found.type ?? "any"].flat().join(" | ");
  const named = found.format ? `${type} (${found.format})` : type;
  return [named, ...limits].join(", ");
}

function json(value) {
  return make("pre", { tabIndex: 0 }, JSON.stringify(value, null, 2) ?? "");
}

function parameterTable(api, parameters) {
  const rows = parameters.map((parameter) =>
    make(
      "tr",
      {},
      make("td", {}, make("code", {}, parameter.name), parameter.required ? " *" : ""),
      make("td", {}, parameter.in),
      make("td", {}, typeOf(api, parameter.schema ?? {})),
      make("td", {}, parameter.description ?? resolve(api, parameter.schema).description ?? ""),
    ),
  );
  const head = ["Name", "In", "Type", "Meaning"].map((name) => make("th", { scope: "col" }, name));
  return make(
    "div",
    // With a place for the keyboard: a narrow page scrolls it sideways.
    { className: "scroll", tabIndex: 0, role: "group", ariaLabel: "Parameters" },
    make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)),
  );
}

function tryForm(path, parameters) {
  const form = make("form", {});
  const fields = parameters
    .filter((parameter) => parameter.in === "path" || parameter.in === "query")
    .map((parameter) => {
      const input = make("input", { name: parameter.name, required: parameter.required ?? false });
      form.append(make("label", {}, `${parameter.name} `, input));
      return { parameter, input };
    });
  const output = make("div", {});
  output.setAttribute("role", "status");
  form.append(make("button", { type: "submit" }, "Send"), output);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let filled = path;
    const query = new URLSearchParams();
    for (const { parameter, input } of fields) {
      if (parameter.in === "path") {
        filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      } else if (input.value !== "") query.set(parameter.name, input.value);
    }
    const question = query.size > 0 ? `?${query}` : "";
    const url = new URL(`..${filled}${question}`, location.href);
    try {
      const answer = await fetch(url);
      const body = await answer.text();
      const isJson = /json/.test(answer.headers.get("content-type") ?? "");
      output.replaceChildren(
        make("p", {}, `${answer.status} ${url.pathname}${url.search}`),
        isJson ? json(JSON.parse(body)) : make("pre", {}, body),
      );
    } catch (error) {
      output.replaceChildren(make("p", {}, `No answer: ${error.message}`));
    }
  });
  return form;
}

function answerParts(api, status, given) {
  const answer = resolve(api, given);
  const [type, media] = Object.entries(answer.content ?? {})[0] ?? [];
  const parts = [make("h3", {}, `${status} ${type ?? ""}`), paragraph(answer.description ?? "")];
  if (type === "application/json") parts.push(json(exampleOf(api, media.schema)));
  return parts;
}

function problemLinks(operation) {
  const codes = operation["x-problems"] ?? [];
  if (codes.length === 0) return undefined;
  const links = codes.flatMap((code) => [
    make("a", { href: `docs/problems#${code}` }, code),
    text(" "),
  ]);
  return make("p", {}, "Problems: ", ...links);
}

function operationBlock(api, path, method, operation) {
  const parameters = (operation.parameters ?? []).map((each) => resolve(api, each));
  const body = resolve(api, operation.requestBody).content?.["application/json"]?.schema;
  const inside = make("div", { className: "inside" });
  const block = make(
    "details",
    { id: operation.operationId },
    make(
      "summary",
      {},
      make("span", { className: "method" }, method.toUpperCase()),
      make("code", {}, path),
      make("span", { className: "quiet" }, operation.summary ?? ""),
    ),
    inside,
  );
  const fill = () => {
    if (!block.open || inside.childElementCount > 0) return;
    inside.append(paragraph(operation.description ?? ""));
    if (parameters.length > 0) inside.append(parameterTable(api, parameters));
    if (body) inside.append(make("h3", {}, "Body"), json(exampleOf(api, body)));
    if (body) {
      const schema = make("details", {}, make("summary", {}, "JSON Schema of the body"));
      schema.append(make("div", { className: "inside" }, json(resolve(api, body))));
      inside.append(schema);
    }
    for (const [status, answer] of Object.entries(operation.responses)) {
      if (Number(status) < 400) inside.append(...answerParts(api, status, answer));
    }
    const problems = problemLinks(operation);
    if (problems) inside.append(problems);
    const isStream = path === "/absurd/live";
    if (method === "get" && !isStream)
      inside.append(make("h3", {}, "Try it"), tryForm(path, parameters));
  };
  block.addEventListener("toggle", fill);
  return block;
}

function draw(api) {
  const byTag = new Map(api.tags.map(({ name }) => [name, []]));
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      byTag.get(operation.tags[0]).push(operationBlock(api, path, method, operation));
    }
  }
  content.replaceChildren(
    make("h1", {}, `${api.info.title} ${api.info.version}`),
    ...api.info.description.split("\n\n").map(paragraph),
    make(
      "p",
      {},
      make("a", { href: "openapi.json" }, "openapi.json"),
      " · ",
      make("a", { href: "docs/problems" }, "problems"),
    ),
  );
  for (const [tag, blocks] of byTag) {
    const id = `tag-${tag.replaceAll(" ", "-")}`;
    content.append(make("section", {}, make("h2", { id }, tag), ...blocks));
    sections.append(make("li", {}, make("a", { href: `#${id}` }, tag)));
  }
  sections.append(make("li", {}, make("a", { href: "docs/problems" }, "problems")));
  openTarget();
}

function openTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target?.tagName === "DETAILS") target.open = true;
  target?.scrollIntoView?.();
}

function search({ target }) {
  const wanted = target.value.trim().toLowerCase();
  for (const section of content.querySelectorAll("section")) {
    let isFound = false;
    for (const block of section.querySelectorAll(":scope > details")) {
      const name = `${block.id} ${block.firstChild.textContent}`.toLowerCase();
      block.hidden = !name.includes(wanted);
      isFound ||= !block.hidden;
    }
    section.hidden = !isFound;
  }
}

document.querySelector("#search").addEventListener("input", search);
window.addEventListener("hashchange", openTarget);
try {
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  draw(await answer.json());
} catch (error) {
  document.querySelector("#state").textContent =
    `openapi.json could not be read (${error.message}). Reload the page to try again.`;
}
