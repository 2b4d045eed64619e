import type { ComponentChildren } from 'preact';
import type { Authority } from '../../../src/view/authorities.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { WithData } from '../parts/loading.tsx';
import { useReader, type Reader } from '../reader.ts';

const tones: Readonly<Record<Authority['state'], Tone>> = {
  fine: 'good',
  ending: 'warn',
  soon: 'bad',
  expired: 'bad',
};
const recordTones = { this: 'good', other: 'bad', none: 'plain' } as const;

export function Cas() {
  const { w } = useReader();
  return (
    <>
      <h1>{w('nav.cas')}</h1>
      <p class="about">{w('cas.about')}</p>
      <WithData<{ readonly cas: readonly Authority[] }> path="/api/v1/cas">
        {({ cas }) =>
          cas.length === 0 ? (
            <p class="empty">{w('cas.none')}</p>
          ) : (
            <ul class="cas">
              {cas.map((one) => (
                <Ca key={one.sha256} one={one} />
              ))}
            </ul>
          )
        }
      </WithData>
    </>
  );
}

type Fact = readonly [string, ComponentChildren];

function factsOf(one: Authority, { w, say, date }: Reader): readonly Fact[] {
  const { record } = one;
  const accepted: readonly Fact[] =
    record === undefined
      ? []
      : [[w('cas.record'), <Badge tone={recordTones[record.is]}>{say(record.text)}</Badge>]];
  return [
    ...accepted,
    [
      w('cert.subject'),
      <code>
        <bdi>{one.subject}</bdi>
      </code>,
    ],
    [w('cert.from'), date(one.notBefore)],
    [
      w('col.path'),
      <>
        <code>{one.path}</code>, {w('cas.nodes', { count: one.nodes, node: one.on })}
      </>,
    ],
    [w('col.certificates'), w('cas.signed', { count: one.signed })],
    [w('cert.key'), one.keyAlgorithm],
    [w('cert.serial'), <code>{one.serial}</code>],
    [w('cert.sha256'), <code>{one.sha256}</code>],
  ];
}

function Ca({ one }: { readonly one: Authority }) {
  const reader = useReader();
  return (
    <li>
      <h2>{one.ca}</h2>
      <p>
        <Badge tone={tones[one.state]}>{reader.say(one.text)}</Badge>
      </p>
      <dl class="facts wide prose">
        {factsOf(one, reader).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </li>
  );
}
