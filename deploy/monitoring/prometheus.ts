// For tests only: a real Prometheus on a loopback port that scrapes one target by TLS and evaluates the chart's alerts.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { stringify } from 'yaml';
import { buildTool } from '../../scripts/tool.ts';

export interface Target {
  /** HOST:PORT. */
  readonly address: string;
  readonly serverName: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface Prometheus {
  /** Of an instant query. Throws with Prometheus' own words when it refuses the query. */
  readonly query: (expr: string) => Promise<readonly Sample[]>;
  /** Path under /api/v1; its `data`. */
  readonly api: <T>(path: string) => Promise<T>;
  /** Until the query gives something; throws after a minute. */
  readonly until: (expr: string) => Promise<readonly Sample[]>;
  readonly stop: () => Promise<void>;
}

export const ruleFile = resolve(import.meta.dirname, '../chart/files/alerts.yaml');

export async function startPrometheus(target: Target): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const place = (name: string): string => join(directory, name);
  writeFileSync(place('ca.crt'), target.ca);
  writeFileSync(place('token'), target.token);
  writeFileSync(place('config.yaml'), stringify(configuration(target, place)));
  const flags = [
    `--config.file=${place('config.yaml')}`,
    `--storage.tsdb.path=${place('data')}`,
    '--web.listen-address=127.0.0.1:0',
  ];
  const child = spawn(buildTool('prometheus'), flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    const base = `http://${await addressOf(child)}/api/v1`;
    return prometheusAt(base, async () => {
      await ended(child);
      rmSync(directory, { recursive: true, force: true });
    });
  } catch (error) {
    await ended(child);
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

function configuration({ address, serverName }: Target, place: (name: string) => string): object {
  const job = {
    job_name: 'cluster-cert-rotator',
    scheme: 'https',
    tls_config: { ca_file: place('ca.crt'), server_name: serverName },
    authorization: { credentials_file: place('token') },
    static_configs: [{ targets: [address] }],
  };
  return {
    global: { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '1s' },
    rule_files: [ruleFile],
    scrape_configs: [job],
  };
}

/** It says where it listens, and dies when it cannot. */
async function addressOf(child: ChildProcess): Promise<string> {
  let log = '';
  return new Promise((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      const address = /Listening on.*address=(127\.0\.0\.1:\d+)/.exec(log)?.[1];
      if (address !== undefined && log.includes('Server is ready')) resolve(address);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Prometheus ended: ${log}`)));
  });
}

function prometheusAt(base: string, stop: () => Promise<void>): Prometheus {
  const api = async <T>(path: string): Promise<T> => {
    const text = await (await fetch(`${base}${path}`)).text();
    const answer: { readonly status: string; readonly data: T; readonly error?: string } = JSON.parse(text);
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  };
  const query = async (expr: string): Promise<readonly Sample[]> => {
    const { result } = await api<{ result: readonly Sample[] }>(`/query?query=${encodeURIComponent(expr)}`);
    return result;
  };
  const until = async (expr: string): Promise<readonly Sample[]> => {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const result = await query(expr);
      if (result.length > 0) return result;
      if (performance.now() > deadline) throw new Error(`nothing within a minute: ${expr}`);
      await wait(200);
    }
  };
  return { query, api, until, stop };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  child.kill('SIGKILL');
  await end;
}
