// The inventory of a node as ConfigMap `node-local-certs-<node>` (R25), and back. It is a cache for people and for the
// plan: nothing is ever signed from it, and one that cannot be read counts as none.
import { createHash } from 'node:crypto';
import type { ConfigMap, Node } from 'kubernetes-types/core/v1.js';
import * as v from 'valibot';
import type { InventoryRow, ScanResult } from '../agent/protocol.ts';
import { reasons, type Reason } from '../policy/reasons.ts';
import { apiGroup } from '../kube/types.ts';
import { onceFor } from '../once.ts';
import { labels, nodeLabel, shortName } from './labels.ts';
import { shortMetadata } from '../kube/trim.ts';
import type { Inventory } from './world.ts';

export type { Inventory };

export const inventoryKey = 'certificates.json';

/** On every ConfigMap of the inventory, so that one watch sees these and no others. */
export const inventoryLabel = { name: 'app.kubernetes.io/component', value: 'node-local-certs' } as const;

/** Over the data: an edit by hand, or a bit that fell over, shows. Not a secret; whoever may write both can lie. */
export const inventoryDigest = `${apiGroup}/sha256`;

/** Longest name of a ConfigMap (DNS subdomain). */
const maxName = 253;

/** `node-local-certs-<node>`; a name too long ends in a hash. */
export function inventoryName(nodeName: string): string {
  return shortName(`node-local-certs-${nodeName}`, maxName);
}

export interface InventoryWrite {
  readonly node: Node;
  readonly result: ScanResult;
  readonly collectedAt: string;
  readonly existing: ConfigMap | undefined;
  readonly namespace: string;
}

/** What a scan found, as it is kept: sorted, so that an unchanged node gives the same bytes. */
export function inventoryOf(
  node: { readonly name: string; readonly uid: string },
  { machineID, clock, certificates, notes }: ScanResult,
  collectedAt: string,
): Inventory {
  return {
    schema: 1,
    node: node.name,
    nodeUID: node.uid,
    machineID,
    collectedAt,
    clock,
    certificates: certificates.toSorted(
      (a, b) => compare(a.id, b.id) || compare(a.path, b.path) || compare(a.serial, b.serial),
    ),
    ...(notes.length > 0 ? { notes: notes.toSorted() } : {}),
  };
}

/** The ConfigMap to write. Pure, and the same bytes for the same values. */
export function inventoryConfigMap(write: InventoryWrite): ConfigMap {
  const { node, result, existing, namespace } = write;
  const name = node.metadata?.name ?? '';
  const uid = node.metadata?.uid ?? '';
  const inventory = inventoryOf({ name, uid }, result, write.collectedAt);
  const metadata = existing?.metadata;
  const text = `${JSON.stringify(inventory, null, 2)}\n`;
  return {
    metadata: {
      name: inventoryName(name),
      namespace,
      ...(metadata?.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
      annotations: { ...metadata?.annotations, [inventoryDigest]: digestOf(text) },
      labels: {
        ...metadata?.labels,
        'app.kubernetes.io/managed-by': 'cluster-cert-rotator',
        [inventoryLabel.name]: inventoryLabel.value,
        [labels.node]: nodeLabel(name),
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }],
    },
    data: { [inventoryKey]: text },
  };
}

/**
 * Without the two times that every scan writes anew: an unchanged node changes nothing else (R25). One that is changed by
 * hand lasts until the next scan, and at the worst lets the node wait for it.
 */
export function digestOf(text: string): string {
  const lasting = text.replaceAll(/^ {2}"(?:collectedAt|clock)": .*$/gmu, '');
  return createHash('sha256').update(lasting).digest('hex');
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const textSchema = v.pipe(v.string(), v.maxLength(4096));

/** The same few texts stand in the rows of thousands of nodes: each is kept once. */
const texts = new Map<string, string>();
/** Far more than there are of ours; whoever writes nonsense shall not fill the memory with it. */
const mostTexts = 50_000;

function once(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= mostTexts) texts.clear();
  texts.set(text, text);
  return text;
}

const commonText = v.pipe(textSchema, v.transform(once));
const time = v.pipe(
  v.string(),
  v.check((value) => !Number.isNaN(new Date(value).getTime())),
);

const row = v.object({
  id: commonText,
  path: commonText,
  kind: v.picklist(['pair', 'combined', 'kubeconfig', 'ca']),
  ca: v.nullable(v.picklist(['kubernetes', 'etcd', 'front-proxy'])),
  subject: commonText,
  issuer: commonText,
  serial: textSchema,
  notBefore: textSchema,
  notAfter: textSchema,
  sans: v.array(commonText),
  keyAlgorithm: commonText,
  sha256: textSchema,
  state: v.custom<Reason>((value) => typeof value === 'string' && Object.hasOwn(reasons, value)),
  reason: commonText,
});

const schema = v.object({
  schema: v.literal(1),
  node: textSchema,
  nodeUID: textSchema,
  machineID: textSchema,
  collectedAt: time,
  clock: time,
  certificates: v.pipe(v.array(row), v.maxLength(1000)),
  notes: v.exactOptional(v.array(textSchema)),
});

/**
 * The same rows, as small as they can be: what is made field by field, or by `push`, keeps room to grow, and that is a third
 * of tens of thousands of rows. A node's certificates were mostly made at the same moment.
 */
function compact(rows: readonly InventoryRow[]): readonly InventoryRow[] {
  const times = new Map<string, string>();
  const moment = (time: string): string => {
    const known = times.get(time);
    if (known === undefined) times.set(time, time);
    return known ?? time;
  };
  return rows.map((each) => ({
    id: each.id,
    path: each.path,
    kind: each.kind,
    ca: each.ca,
    subject: each.subject,
    issuer: each.issuer,
    serial: each.serial,
    notBefore: moment(each.notBefore),
    notAfter: moment(each.notAfter),
    sans: each.sans.length === 0 ? noSans : each.sans.slice(),
    keyAlgorithm: each.keyAlgorithm,
    sha256: each.sha256,
    state: each.state,
    reason: each.reason,
  }));
}

const noSans: InventoryRow['sans'] = [];

/** What a ConfigMap says, or undefined when it is not what we would have written: then the node is scanned again. */
export function readInventory(map: ConfigMap): Inventory | undefined {
  const text = map.data?.[inventoryKey] ?? '';
  if (map.metadata?.annotations?.[inventoryDigest] !== digestOf(text)) return undefined;
  const given = readJson(text);
  const parsed = v.safeParse(schema, given);
  if (!parsed.success) return undefined;
  const inventory: Inventory = { ...parsed.output, certificates: compact(parsed.output.certificates) };
  // One that was copied from another node must not pass for this one's.
  return inventoryName(inventory.node) === map.metadata?.name ? inventory : undefined;
}

function readJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    // Edited by hand into something else: the answer is the same as for none.
    return undefined;
  }
}

/** What was read from each ConfigMap, as long as that very object is in the cache: thousands are asked often. */
const read = new WeakMap<ConfigMap, { readonly inventory: Inventory | undefined }>();

/** What is kept in memory of a ConfigMap: what it says, and none of its text. @param metadata what of it is asked for later */
export function trimInventory(
  whole: ConfigMap,
  metadata: ConfigMap['metadata'] = shortMetadata(whole.metadata),
): ConfigMap {
  const kept: ConfigMap = { metadata };
  read.set(kept, { inventory: readInventory(whole) });
  return kept;
}

interface Inventories {
  /** By node name. */
  readonly inventories: ReadonlyMap<string, Inventory>;
  /** Names of the ConfigMaps that are not what we would have written. */
  readonly strange: ReadonlySet<string>;
}

/** The same value for the same list. */
export const readInventories = onceFor(readAll);

function readAll(maps: readonly ConfigMap[]): Inventories {
  const inventories = new Map<string, Inventory>();
  const strange = new Set<string>();
  for (const map of maps) {
    let known = read.get(map);
    if (known === undefined) {
      known = { inventory: readInventory(map) };
      read.set(map, known);
    }
    if (known.inventory === undefined) strange.add(map.metadata?.name ?? '');
    else inventories.set(known.inventory.node, known.inventory);
  }
  return { inventories, strange };
}
