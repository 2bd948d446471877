// Shows openapi.json, which is fetched from beside this file. Text goes into the page as text, never as markup.
'use strict';

/** Makes an element; children are elements or text. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return element;
}

function table(titles, rows) {
  return make('table', {}, make('thead', {}, make('tr', {}, ...titles.map((title) => make('th', { scope: 'col' }, title)))),
    make('tbody', {}, ...rows.map((row) => make('tr', {}, ...row.map((cell) => make('td', {}, cell))))));
}

/** The paragraphs and the one kind of table that descriptions have; `x` is code. */
function prose(text) {
  const inline = (line) => line.split('`').map((part, index) => (index % 2 ? make('code', {}, part) : part));
  return (text || '').split('\n\n').filter((block) => block.trim()).map((block) => {
    if (!block.startsWith('|')) return make('p', {}, ...inline(block));
    const rows = block.trim().split('\n').map((row) => row.split('|').slice(1, -1).map((cell) => cell.trim()));
    return table(rows[0], rows.slice(2));
  });
}

const text = (value) => JSON.stringify(value);

function named(reference) {
  const name = reference.split('/').pop();
  return make('a', { href: `#schema-${name}` }, name);
}

/** A schema in one cell: its type and its limits. */
function brief(schema) {
  if (schema.$ref) return named(schema.$ref);
  const cell = make('span');
  const add = (...parts) => cell.append(cell.childNodes.length ? ', ' : '', ...parts);
  if (schema.type) add([].concat(schema.type).join(' or '));
  for (const choice of schema.anyOf || schema.oneOf || []) {
    if ('const' in choice) add(`${text(choice.const)}${choice.description ? ` (${choice.description})` : ''}`);
    else add(brief(choice));
  }
  if (schema.items) add('of ', brief(schema.items));
  if (schema.additionalProperties && schema.additionalProperties.type) add('values: ', brief(schema.additionalProperties));
  for (const limit of ['format', 'minLength', 'maxLength', 'minimum', 'maximum', 'maxItems', 'maxProperties', 'default', 'const', 'pattern']) {
    if (limit in schema) add(`${limit} ${limit === 'pattern' || limit === 'format' ? schema[limit] : text(schema[limit])}`);
  }
  if (schema.enum) add(`one of ${schema.enum.map(text).join(', ')}`);
  if (schema.contentMediaType) add(schema.contentMediaType);
  return cell;
}

function described(schema) {
  const parts = [...prose(schema.description)];
  if (schema.deprecated) parts.push(make('p', {}, 'Deprecated.'));
  return make('div', {}, ...parts);
}

/** A schema as a table of its fields. */
function fields(schema) {
  if (!schema.properties) return make('div', {}, brief(schema), described(schema));
  const required = new Set(schema.required || []);
  const rows = Object.entries(schema.properties).map(([name, field]) => {
    const inner = field.properties ? fields(field) : brief(field);
    return [make('code', required.has(name) ? { class: 'required' } : {}, name), required.has(name) ? 'yes' : '', inner, described(field)];
  });
  return table(['field', 'required', 'type', 'meaning'], rows);
}

function examples(content) {
  return Object.entries((content && content.examples) || {}).map(([name, example]) =>
    make('details', {}, make('summary', {}, `Example: ${name}`), make('pre', {}, JSON.stringify(example.value, null, 2))));
}

function answer(spec, status, response) {
  if (response.$ref) response = spec.components.responses[response.$ref.split('/').pop()];
  const content = (response.content || {})['application/json'] || {};
  const headers = Object.entries(response.headers || {}).map(([name, header]) => [make('code', {}, name), header.description || '']);
  return make('details', {}, make('summary', {}, make('strong', {}, status), ` ${response.description}`),
    content.schema ? fields(content.schema) : null, ...examples(content), headers.length ? table(['header', 'meaning'], headers) : null);
}

function operation(spec, path, method, details) {
  const content = ((details.requestBody || {}).content || {})['application/json'];
  const parameters = (details.parameters || []).map((parameter) =>
    [make('code', {}, parameter.name), parameter.in, parameter.required ? 'yes' : '', brief(parameter.schema), parameter.description || '']);
  return make('section', { id: details.operationId }, make('h2', {}, details.summary),
    make('p', {}, make('span', { class: 'method' }, method), ' ', make('code', {}, path)), ...prose(details.description),
    parameters.length ? make('h3', {}, 'Parameters') : null,
    parameters.length ? table(['name', 'in', 'required', 'type', 'meaning'], parameters) : null,
    content ? make('h3', {}, details.requestBody.required ? 'Body' : 'Body (optional)') : null,
    content ? make('p', {}, brief(content.schema)) : null, ...examples(content),
    make('h3', {}, 'Answers'), ...Object.entries(details.responses).map(([status, response]) => answer(spec, status, response)));
}

function show(spec) {
  const main = document.getElementById('document');
  const menu = document.getElementById('operations');
  document.title = `${spec.info.title} v${spec.info.version}`;
  main.replaceChildren(make('h1', {}, document.title), make('p', {}, spec.info.summary), ...prose(spec.info.description),
    make('p', {}, make('a', { href: 'openapi.json' }, 'The document itself')));
  const all = Object.entries(spec.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, details]) => ({ path, method, details })));
  for (const tag of spec.tags) {
    const own = all.filter((one) => one.details.tags.includes(tag.name));
    menu.append(make('h2', {}, tag.name), make('ul', {}, ...own.map((one) =>
      make('li', {}, make('a', { href: `#${one.details.operationId}` }, one.details.summary)))));
    own.forEach((one) => main.append(operation(spec, one.path, one.method, one.details)));
  }
  const names = Object.keys(spec.components.schemas);
  menu.append(make('h2', {}, 'Schemas'), make('ul', {}, ...names.map((name) => make('li', {}, make('a', { href: `#schema-${name}` }, name)))));
  for (const name of names) {
    const schema = spec.components.schemas[name];
    main.append(make('section', { id: `schema-${name}` }, make('h2', {}, name), schema.properties ? described(schema) : null, fields(schema)));
  }
  if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
}

fetch('openapi.json').then((response) => response.json()).then(show).catch((error) => {
  document.getElementById('document').replaceChildren(make('p', { role: 'alert' }, `The document cannot be shown: ${error.message}`));
});
