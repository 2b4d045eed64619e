// The settings in force, one line for each field, with its default beside it where it differs.
import {
  defaultConfiguration,
  describeDuration as lasting,
  type Configuration,
} from '../controller/configuration.ts';
import type { en } from './messages/en.ts';
import { message, type Message } from './messages/message.ts';
import type { Seen } from './picture.ts';

export interface Setting {
  readonly name: SettingName;
  readonly about: Message;
  readonly value: string;
  readonly fallback: string;
  readonly changed: boolean;
}

export interface SettingsPage {
  readonly settings: readonly Setting[];
  /** What is shown may not be what is in force. */
  readonly problem: Message | undefined;
}

type NameOf<K> = K extends `setting.${infer Name}` ? Name : never;
type SettingName = NameOf<keyof typeof en>;

const fields: Readonly<Record<SettingName, (configuration: Configuration) => string>> = {
  mode: ({ mode }) => mode,
  paused: ({ paused }) => String(paused),
  'lifetimes.kubelet': ({ lifetimes }) => lasting(lifetimes.kubelet),
  'lifetimes.controlPlane': ({ lifetimes }) => lasting(lifetimes.controlPlane),
  'trigger.percent': ({ trigger }) => String(trigger.percent),
  'trigger.days': ({ trigger }) => String(trigger.days),
  scanInterval: ({ scanInterval }) => lasting(scanInterval),
  scanJitter: ({ scanJitter }) => lasting(scanJitter),
  parallelScans: ({ parallelScans }) => String(parallelScans),
  planHorizon: ({ planHorizon }) => lasting(planHorizon),
  groupWithin: ({ groupWithin }) => lasting(groupWithin),
  parallelWorkers: ({ parallelWorkers }) => String(parallelWorkers),
  settle: ({ settle }) => lasting(settle),
  windows: ({ windows }) =>
    windows.map(({ cron, duration, zone }) => `${cron} (${lasting(duration)}, ${zone})`).join('; '),
  keyPolicy: ({ keyPolicy }) => keyPolicy,
  clockSkewLimit: ({ clockSkewLimit }) => lasting(clockSkewLimit),
  backdate: ({ backdate }) => lasting(backdate),
  'kubelet.serving': ({ kubelet }) => kubelet.serving,
  'kubelet.restart': ({ kubelet }) => kubelet.restart,
  componentTimeout: ({ componentTimeout }) => lasting(componentTimeout),
  urgent: ({ urgent }) => lasting(urgent),
  'breaker.coolDown': ({ breaker }) => lasting(breaker.coolDown),
  'backoff.first': ({ backoff }) => lasting(backoff.first),
  'backoff.most': ({ backoff }) => lasting(backoff.most),
  'canary.enabled': ({ canary }) => String(canary.enabled),
  'canary.bake': ({ canary }) => lasting(canary.bake),
  stageTool: ({ stageTool }) => stageTool,
  'download.enabled': ({ download }) => String(download.enabled),
  'dashboard.enabled': ({ dashboard }) => String(dashboard.enabled),
  'images.agent': ({ images }) => images.agent,
  publicNamespace: ({ publicNamespace }) => publicNamespace,
  extraHostPaths: ({ extraHostPaths }) => extraHostPaths.join(', '),
};

const isName = (name: string): name is SettingName => Object.hasOwn(fields, name);

export function settingsOf({ picture }: Seen): SettingsPage {
  const { settings: inForce, problem } = picture.configuration;
  const settings = Object.keys(fields)
    .filter(isName)
    .map((name): Setting => {
      const [value, fallback] = [fields[name](inForce), fields[name](defaultConfiguration)];
      return { name, about: message(`setting.${name}`), value, fallback, changed: value !== fallback };
    });
  return { settings, problem };
}
