import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { notesOfUnseen } from '../testing.ts';
import { ownWords } from './own-words.ts';
import { zhOwn } from './zh-own.ts';

const source = resolve(import.meta.dirname, '../..');
const rooms = ['agent', 'catalogue', 'controller', 'policy', 'rotation'];

/** What the programs are written in, with texts that go over two lines in one. */
const written = rooms
  .flatMap((room) =>
    readdirSync(join(source, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(source, room, name), 'utf8')),
  )
  .join('\n')
  .replaceAll(/['`] \+\s+['`]/g, '');

const placesOf = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).toSorted();

describe('what controller and agent say in their own words', () => {
  it.each([
    ['the clock of cp-1 is 301 s off, more than 300 s', 'cp-1 的时钟相差 301 秒，超过 300 秒'],
    // a cause in a cause
    [
      'etcd would have 1 of 3 members, 2 are needed (cp-2: its static Pod etcd is not there)',
      'etcd 的 3 个成员将只剩 1 个，需要 2 个（cp-2：它的静态 Pod etcd 不存在）',
    ],
    [
      'the API server of cp-2 is not ready: /readyz answers 500; the API server of cp-3 is not ready: no answer',
      'cp-2 的 API server 未就绪：/readyz answers 500；cp-3 的 API server 未就绪：no answer',
    ],
    [
      'handshake with 10.0.0.1:6443 shows serial 1a; kube-apiserver was started at 2027-01-01T00:00:00.000Z',
      '与 10.0.0.1:6443 握手，出示序列号 1a；kube-apiserver 于 2027-01-01T00:00:00.000Z 启动',
    ],
    [
      'the kubelet of w1 does not start Pods (ErrImagePull: not found); run on w1: cert-renew all',
      'w1 的 kubelet 不启动 Pod（ErrImagePull: not found）；在 w1 上运行：cert-renew all',
    ],
    ['renewed and proved: kubelet.crt, admin.conf', '已轮换并验证：kubelet.crt, admin.conf'],
    [
      notesOfUnseen.join(' '),
      '看不到，因此不会轮换：kube-apiserver；/etc/kubernetes/manifests 中没有 kube-apiserver 的清单，但此节点上有 /etc/kubernetes/pki/apiserver.crt 及其私钥：请放回清单；如果此处不再以任何方式运行 kube-apiserver，请移走这些文件',
    ],
    [
      'not seen, so not renewed: etcd, kube-scheduler; no manifest of etcd lies in /m, though /s.conf lies on this node; that the kubelet looks there is only assumed, since its flags are not known: see in its command line where it does',
      '看不到，因此不会轮换：etcd, kube-scheduler；/m 中没有 etcd 的清单，但此节点上有 /s.conf；kubelet 使用该目录只是推测，因为其参数未知：请查看其命令行',
    ],
    [
      'not seen, so not renewed: kube-scheduler; /s.conf does not exist; put it back (cert-renew restore), or make it anew: kubeadm init phase kubeconfig scheduler',
      '看不到，因此不会轮换：kube-scheduler；/s.conf 不存在；请放回（cert-renew restore），或者重新生成：kubeadm init phase kubeconfig scheduler',
    ],
    [
      'etcd has no manifest here, and etcd.service is enabled: /e.crt is not managed, and renewed by whoever runs it so',
      'etcd 在此没有清单，但 etcd.service 已启用：/e.crt 不受管理，由运行它的一方轮换',
    ],
    [
      'not seen, so not renewed: etcd; /m lies outside the directories that are mounted; add the directory where it really lies to extraHostPaths',
      '看不到，因此不会轮换：etcd；/m 位于未挂载的目录中；请将其实际所在目录加入 extraHostPaths',
    ],
    [
      'the kubelet’s systemd unit was not found; kubeadm’s defaults are assumed',
      'kubelet 的 systemd 单元没有找到；按 kubeadm 的默认值处理',
    ],
  ])('%s', (english, chinese) => {
    expect(ownWords(english, 'zh')).toBe(chinese);
    expect(ownWords(english, 'en')).toBe(english);
  });

  it('stays as it is where there are no words for it', () => {
    for (const text of ['', 'ENOSPC: no space left on device', 'a; b'])
      expect(ownWords(text, 'zh')).toBe(text);
  });

  it('made up to keep a reader waiting is left as it is', () => {
    const text = `${'a: '.repeat(330)}x; y`;
    const start = performance.now();
    expect(ownWords(text, 'zh')).toBe(text);
    expect(ownWords(text.repeat(4), 'zh')).toBe(text.repeat(4));
    expect(performance.now() - start).toBeLessThan(500);
  });

  it('is said with every value that it has', () => {
    for (const [english, chinese] of Object.entries(zhOwn))
      expect(placesOf(chinese), english).toEqual(placesOf(english));
  });

  it.each(Object.keys(zhOwn))('is still written so: %s', (english) => {
    const missing = english
      .split(/\{\w+\}|, /)
      .map((part) => part.replaceAll(/^[ (:,;)]+|[ (:,;)]+$/g, ''))
      .filter(
        (part) =>
          part.length > 3 && !written.includes(part) && !written.includes(part.replaceAll("'", "\\'")),
      );
    expect(missing).toEqual([]);
  });

  it('of every gate has a Chinese form', () => {
    const code = readFileSync(join(source, 'policy/gates.ts'), 'utf8').replaceAll(
      /\/\*[\s\S]*?\*\/|\/\/.*/g,
      '',
    );
    const forms = Object.keys(zhOwn).map(masked);
    const texts = [...code.matchAll(/`([^`]*)`|'([^'\n]*)'/g)].map(([, a, b]) => masked(a ?? b ?? ''));
    expect(texts.length).toBeGreaterThan(30);
    const unsaid = texts.filter((text) => /[a-z] [a-z]/.test(text) && !forms.includes(text));
    expect(unsaid).toEqual([]);
  });
});

/** With a mark in each place. */
function masked(text: string): string {
  return text.replaceAll(/\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|\{\w+\}/g, '…');
}
