// What Prometheus reads. The metrics themselves are data (metrics-table.ts); here they meet the registry, and values are
// taken from the last world at the moment of a scrape.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { terminalPhases, type RotationStatus } from '../kube/types.ts';
import { seconds } from './metrics-certificates.ts';
import { endings, passResults, type PassResult } from './metrics-endings.ts';
import { counters, histograms, ownGauges, worldGauges } from './metrics-table.ts';
import { gaugePieces } from './metrics-text.ts';
import type { World } from './world.ts';

export class Metrics {
  readonly #registry = new Registry();
  readonly #clock: () => Date;
  readonly #finished = this.#counter(counters.rotations);
  readonly #passes = this.#counter(counters.passes);
  readonly #leader = this.#gauge(ownGauges.leader);
  readonly #lastPass = this.#gauge(ownGauges.lastPass);
  readonly #refused = this.#gauge(ownGauges.refused);
  readonly #duration: Histogram<'result'>;
  readonly #counted = new Set<string>();
  #world: World | undefined;
  #counting = false;

  constructor(clock: () => Date = () => new Date()) {
    this.#clock = clock;
    collectDefaultMetrics({ register: this.#registry });
    const { name, help, labels, buckets } = histograms.duration;
    const registers = [this.#registry];
    this.#duration = new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers });
    this.#beginAtZero();
  }

  /** Takes the world of this pass; counts rotations that ended since the last one. */
  note(world: World): void {
    for (const { metadata, status } of world.rotations) {
      const uid = metadata.uid ?? metadata.name;
      if (status?.phase === undefined || !terminalPhases.has(status.phase) || this.#counted.has(uid))
        continue;
      this.#counted.add(uid);
      // What had ended before our first look was counted by whoever led then.
      if (this.#counting) this.#count(status);
    }
    this.#counting = true;
    this.#world = world;
    this.#leader.set(1);
  }

  /** Another leads now: what we saw last is not what is. */
  standBy(): void {
    this.#world = undefined;
    this.#counting = false;
    this.#leader.set(0);
  }

  noteConfiguration(good: boolean): void {
    this.#refused.set(good ? 0 : 1);
  }

  notePass(result: PassResult): void {
    this.#passes.inc({ result });
    if (result === 'ok') this.#lastPass.set(this.#clock().getTime() / 1000);
  }

  /** What a scrape is answered with, from one world, piece by piece. */
  async *pieces(): AsyncGenerator<string> {
    const world = this.#world;
    const now = this.#clock();
    yield await this.#registry.metrics();
    for (const gauge of worldGauges) {
      yield '\n';
      yield* gaugePieces(gauge, world === undefined ? [] : gauge.samples(world, now));
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Also while it stands by, so that Prometheus has seen the 0 before there is something to count. */
  #beginAtZero(): void {
    for (const [result, reasons] of Object.entries(endings)) {
      for (const reason of reasons) this.#finished.inc({ result, reason }, 0);
      this.#duration.zero({ result });
    }
    for (const result of passResults) this.#passes.inc({ result }, 0);
  }

  #count({ phase, reason = '', startedAt, finishedAt }: RotationStatus): void {
    const result = phase ?? '';
    this.#finished.inc({ result, reason });
    const took = seconds(finishedAt ?? '') - seconds(startedAt ?? '');
    if (Number.isFinite(took)) this.#duration.observe({ result }, Math.max(0, took));
  }

  #counter<L extends string>(row: { name: string; help: string; labels: readonly L[] }): Counter<L> {
    const { name, help, labels } = row;
    return new Counter({ name, help, labelNames: labels, registers: [this.#registry] });
  }

  #gauge({ name, help }: { name: string; help: string }): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] });
  }
}
