// What a Pod is when it does not say: the API's defaults (pkg/apis/core/v1), as far as Pods here have such parts.
import { fieldsOf, isFields, listOf, textOf, type ApiObject, type Fields } from './objects.ts';

/** Fills in; what is said stays. */
export function createDefaults(draft: ApiObject): void {
  const spec = draft.spec ?? {};
  const account = textOf(spec['serviceAccountName'] ?? spec['serviceAccount']);
  const hostNetwork = spec['hostNetwork'] === true;
  const filled: Fields = {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
    ...spec,
    // Two names of one field.
    ...(account === '' ? {} : { serviceAccountName: account, serviceAccount: account }),
  };
  for (const list of ['containers', 'initContainers']) {
    if (!Array.isArray(spec[list])) continue;
    filled[list] = listOf(spec[list]).map((container) => containerDefaults(fieldsOf(container), hostNetwork));
  }
  if (Array.isArray(spec['volumes'])) {
    filled['volumes'] = listOf(spec['volumes']).map((volume) => volumeDefaults(fieldsOf(volume)));
  }
  // What is the same as not said is not sent.
  for (const flag of ['hostNetwork', 'hostPID', 'hostIPC']) if (filled[flag] === false) delete filled[flag];
  if (filled['nodeName'] === '') delete filled['nodeName'];
  draft.spec = filled;
}

function containerDefaults(container: Fields, hostNetwork: boolean): Fields {
  const image = textOf(container['image']);
  const filled: Fields = {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: isLatest(image) ? 'Always' : 'IfNotPresent',
    ...container,
  };
  filled['resources'] = resourceDefaults(fieldsOf(filled['resources']));
  const lists: readonly [string, (item: Fields) => Fields][] = [
    ['ports', (port) => portDefaults(port, hostNetwork)],
    ['env', variableDefaults],
    ['volumeMounts', mountDefaults],
  ];
  for (const [field, defaults] of lists) {
    const items = listOf(container[field]);
    if (items.length === 0) delete filled[field];
    else filled[field] = items.map((item) => defaults(fieldsOf(item)));
  }
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (isFields(container[probe])) filled[probe] = probeDefaults(fieldsOf(container[probe]));
  }
  return filled;
}

/** A limit without a request is its own request. */
function resourceDefaults(resources: Fields): Fields {
  const limits = fieldsOf(resources['limits']);
  if (Object.keys(limits).length === 0) return resources;
  return { ...resources, requests: { ...limits, ...fieldsOf(resources['requests']) } };
}

function isLatest(image: string): boolean {
  const last = image.split('/').at(-1) ?? '';
  if (last.includes('@')) return false;
  const [, tag] = last.split(':');
  return tag === undefined || tag === 'latest';
}

const portDefaults = (port: Fields, hostNetwork: boolean): Fields => ({
  protocol: 'TCP',
  ...(hostNetwork ? { hostPort: port['containerPort'] } : {}),
  ...port,
});

function variableDefaults(variable: Fields): Fields {
  const from = fieldsOf(variable['valueFrom']);
  const filled: Fields = { ...variable };
  if (variable['value'] === '') delete filled['value'];
  if (isFields(from['fieldRef'])) {
    filled['valueFrom'] = { ...from, fieldRef: { apiVersion: 'v1', ...from['fieldRef'] } };
  }
  return filled;
}

function mountDefaults({ readOnly, ...mount }: Fields): Fields {
  return readOnly === true ? { ...mount, readOnly } : mount;
}

function probeDefaults(probe: Fields): Fields {
  const filled: Fields = {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
    ...probe,
  };
  if (isFields(probe['httpGet'])) filled['httpGet'] = { path: '/', scheme: 'HTTP', ...probe['httpGet'] };
  return filled;
}

const modes = ['secret', 'configMap', 'downwardAPI', 'projected'];

function volumeDefaults(volume: Fields): Fields {
  const filled: Fields = { ...volume };
  for (const source of modes) {
    if (isFields(volume[source])) filled[source] = { defaultMode: 420, ...volume[source] };
  }
  if (isFields(volume['hostPath'])) filled['hostPath'] = { type: '', ...volume['hostPath'] };
  if (isFields(volume['projected'])) {
    const sources = listOf(volume['projected']['sources']).map((source) => sourceDefaults(fieldsOf(source)));
    filled['projected'] = { ...fieldsOf(filled['projected']), sources };
  }
  return filled;
}

function sourceDefaults(source: Fields): Fields {
  const token = source['serviceAccountToken'];
  const filled: Fields = { ...source };
  if (isFields(token)) filled['serviceAccountToken'] = { expirationSeconds: 3600, ...token };
  return filled;
}

const containerStatus = { state: {}, lastState: {}, ready: false, restartCount: 0, image: '', imageID: '' };
const statusLists = ['containerStatuses', 'initContainerStatuses'];

/** What the API says of a status' parts even where they are empty. */
export function statusDefaults(draft: ApiObject): void {
  const status: Fields = { ...draft.status };
  for (const list of statusLists) {
    const entries = listOf(status[list]).map((one) => ({ ...containerStatus, ...fieldsOf(one) }));
    if (entries.length === 0) delete status[list];
    else status[list] = entries;
  }
  const conditions = listOf(status['conditions']).map((one) => ({
    lastProbeTime: null,
    lastTransitionTime: null,
    ...fieldsOf(one),
  }));
  if (conditions.length > 0) status['conditions'] = conditions;
  draft.status = status;
}
