// metav1.Table, which kubectl asks for, of custom resources. Built-in kinds have columns of their own in the real server:
// here they are sent as they are, and kubectl shows their names and ages.
import type { IncomingMessage } from 'node:http';
import type { Kind } from './kinds.ts';
import { fieldsOf, listOf, textOf, valueAt, type Fields } from './objects.ts';

export const wantsTable = ({ headers }: IncomingMessage, { columns }: Kind): boolean =>
  columns !== undefined && /as=Table;.*g=meta\.k8s\.io|g=meta\.k8s\.io;.*as=Table/.test(headers.accept ?? '');

const column = (name: string, type: string): Fields => ({
  name,
  type,
  format: '',
  description: '',
  priority: 0,
});
const nameColumn: Fields = {
  ...column('Name', 'string'),
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a ' +
    'client to request the generation of an appropriate name automatically. Name is primarily intended for creation ' +
    'idempotence and configuration definition. Cannot be updated. More info: ' +
    'https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
};
const age: Fields = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** Of an object or a list. */
export function tableOf(kind: Kind, body: Fields, now: Date): Fields {
  const isList = Array.isArray(body['items']);
  const items = isList ? listOf(body['items']).map(fieldsOf) : [body];
  const columns = kind.columns === undefined || kind.columns.length === 0 ? [age] : kind.columns;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: tableMeta(fieldsOf(body['metadata'])),
    columnDefinitions: [nameColumn, ...columns.map(definitionOf)],
    rows: items.map((item) => ({
      cells: [valueAt(item, 'metadata.name'), ...columns.map((one) => cellOf(one, item, now))],
      object: {
        kind: 'PartialObjectMetadata',
        apiVersion: 'meta.k8s.io/v1',
        metadata: item['metadata'],
      },
    })),
  };
}

function tableMeta({ resourceVersion, continue: token, remainingItemCount }: Fields): Fields {
  return {
    resourceVersion,
    ...(textOf(token) === '' ? {} : { continue: token }),
    ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
  };
}

const definitionOf = (own: Fields): Fields => ({
  ...column(textOf(own['name']), textOf(own['type'])),
  description:
    textOf(own['description']) ||
    `Custom resource definition column (in JSONPath format): ${textOf(own['jsonPath'])}`,
});

function cellOf(own: Fields, item: Fields, now: Date): unknown {
  const value = valueAt(item, textOf(own['jsonPath']).replace(/^\./, ''));
  if (value === undefined) return null;
  return own['type'] === 'date' ? ageText(now.getTime() - Date.parse(textOf(value))) : value;
}

/** apimachinery's HumanDuration, as far as ages need it. */
function ageText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86_400].map(Math.floor);
  if (minutes === undefined || hours === undefined || days === undefined || seconds < 120)
    return `${seconds}s`;
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (hours < 3) return `${minutes}m`;
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  return hours < 48 ? `${hours}h` : `${days}d`;
}
