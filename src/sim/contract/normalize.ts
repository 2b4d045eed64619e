// Takes out of an answer what no two servers share: ids, versions, times, addresses. Whether two are the same stays.

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const dayMs = 86_400_000;

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export class Normalizer {
  readonly #uids = new Map<string, string>();
  readonly #versions = new Map<string, string>();

  /** Of an event of a watch. A bookmark's version is the whole server's, as a list's is. */
  event(event: unknown): unknown {
    if (!isFields(event) || event['type'] !== 'BOOKMARK' || !isFields(event['object']))
      return this.value(event);
    const { metadata, ...object } = event['object'];
    return {
      ...event,
      object: { ...object, metadata: isFields(metadata) ? this.#meta(metadata, true) : metadata },
    };
  }

  /** Of a whole answer. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (!isFields(value)) return value;
    const isList = Array.isArray(value['items']);
    const fields: Record<string, unknown> = {};
    for (const name of Object.keys(value).toSorted()) {
      // Server-side apply is not spoken here (docs/adr/0014).
      if (name === 'managedFields') continue;
      const inner = value[name];
      fields[name] = name === 'metadata' && isFields(inner) ? this.#meta(inner, isList) : this.value(inner);
    }
    return fields;
  }

  text(text: string): string {
    const time = Date.parse(text);
    if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) && Math.abs(time - Date.now()) < 2 * dayMs) return '<time>';
    // An age, in a table.
    if (/^\d{1,3}s$/.test(text)) return '<age>';
    return text
      .replaceAll(uuid, (found) => numbered(this.#uids, found, 'uid'))
      .replaceAll(/resource version: \d+/g, 'resource version: <version>')
      .replaceAll(/current: \d+/g, 'current: <version>')
      .replaceAll(/<version> \(\d+\)/g, '<version> (<version>)')
      .replaceAll(
        /does not match the ResourceVersion in record \(\d+\)/g,
        'does not match the ResourceVersion in record (<version>)',
      )
      .replaceAll(/resourceVersion=\d{2,}/g, 'resourceVersion=<version>')
      .replaceAll(/continue=[\w-]+/g, 'continue=<continue>')
      .replaceAll(/X509SHA256=[0-9a-f]+/g, 'X509SHA256=<sha256>')
      .replaceAll(/\b10\.96\.0\.(?!1\b)\d+/g, '<address>');
  }

  #meta(meta: Record<string, unknown>, isList: boolean): unknown {
    const { resourceVersion, continue: token, generateName, name, ...rest } = meta;
    const prefix = typeof generateName === 'string' ? generateName : undefined;
    const plain = this.value(rest);
    return {
      ...(isFields(plain) ? plain : {}),
      ...(prefix === undefined ? {} : { generateName: prefix }),
      ...(typeof name === 'string'
        ? { name: prefix === undefined ? this.text(name) : `${prefix}<suffix>` }
        : {}),
      ...(token === undefined ? {} : { continue: token === '' ? '' : '<continue>' }),
      ...(typeof resourceVersion === 'string'
        ? { resourceVersion: this.#version(resourceVersion, isList) }
        : {}),
    };
  }

  /** Of a list it is the whole server's, and others write meanwhile. */
  #version(version: string, isList: boolean): string {
    if (isList || version === '') return version === '' ? '' : '<version>';
    return numbered(this.#versions, version, 'version');
  }
}

function numbered(known: Map<string, string>, value: string, what: string): string {
  const name = known.get(value) ?? `<${what} ${known.size + 1}>`;
  known.set(value, name);
  return name;
}
