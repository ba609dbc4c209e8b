import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { tarGz } from '../../../electron/diagnostics/archive'
import {
  allowed,
  flag,
  list,
  name,
  number,
  Pseudonyms,
  record,
  scrub,
  text,
  word,
} from '../../../electron/diagnostics/redact'

const told = [
  ['an address', 'connect to 192.0.2.17 failed', '192.0.2.17'],
  ['an IPv6 address', 'peer 2001:db8::17 is silent', '2001:db8::17'],
  ['a URL with a password', 'GET http://kim:openup@panel.hall.example/secret?x=1', 'openup'],
  ['the path of a URL', 'GET https://panel.hall.example/customer/4711', '4711'],
  ['a mail address', 'told ops.team@plant.example about it', 'ops.team'],
  ['a MAC', 'nic 00:1a:2b:3c:4d:5e is down', '1a:2b'],
  ['a path', 'EACCES: /srv/customers/acme/data/journal.db', 'acme'],
  ['a Windows path', String.raw`EPERM: C:\Users\Kim\holdfast`, 'Kim'],
  ['a host name', 'getaddrinfo ENOTFOUND plc.plant.internal', 'plant'],
  ['a join code', 'used HF1-AbCdEf0123456789xyz', 'AbCdEf'],
  ['a token', 'bearer dGhpcyBpcyBhIHNlY3JldA0123', 'dGhpcyBp'],
  ['a UUID', 'entry 01a1fe82-9d52-7fd4-b3aa-03c633a022a9 came', '9d52'],
  ['a private key', '-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----', 'MIIabc'],
  ['whatever somebody typed', 'There is no edge "Acme Hall 7".', 'Acme'],
] as const

describe('free text', () => {
  test.each(told)('%s does not come out', (_, given, secret) => {
    expect(scrub(given, new Pseudonyms())).not.toContain(secret)
  })

  test('what helps stays: words, times, versions, lengths, error codes', () => {
    const given = 'ECONNREFUSED after 3000 ms at 12:30:45, epoch 7, version 0.1.0, rule T3, 2026-11-21 03:00 UTC'
    expect(scrub(given, new Pseudonyms())).toBe(given)
  })

  test('a known name is found whatever its case, and not inside other words', () => {
    const names = new Pseudonyms()
    names.together('site', ['oslo', 'Oslo Nord'])
    expect(scrub('OSLO NORD and oslo, not Osloer', names)).toBe('site-1 and site-1, not Osloer')
  })

  test('the same thing has the same pseudonym, and only within one bundle', () => {
    const names = new Pseudonyms()
    expect(names.of('host', 'a.example')).toBe(names.of('host', 'A.example'))
    expect(scrub('from 192.0.2.1 to 192.0.2.2 and 192.0.2.1', names)).toBe('from address-1 to address-2 and address-1')
  })
})

describe('records', () => {
  test('only listed fields pass, each in its way', () => {
    const rule = record({ id: name('site'), on: flag, n: number, mode: word, why: text, list: list(number) })
    const given = {
      id: 'oslo',
      on: true,
      n: 4,
      mode: 'auto',
      why: 'from 192.0.2.1',
      list: [1, 'x'],
      password: 'p',
      more: { deep: 1 },
    }
    expect(allowed(given, rule, new Pseudonyms())).toEqual({
      id: 'site-1',
      on: true,
      n: 4,
      mode: 'auto',
      why: 'from address-1',
      list: [1, null],
    })
  })

  test('a value of another type than expected becomes null instead of passing', () => {
    const rule = record({ n: number, mode: word })
    expect(allowed({ n: 'Acme', mode: 'an "odd" one' }, rule, new Pseudonyms())).toEqual({ n: null, mode: null })
  })
})

test('the archive is one that tar reads, with files for their owner alone', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'archive-'))
  try {
    const files = [
      { name: 'a.json', text: '{"ä":1}\n' },
      { name: 'empty.txt', text: '' },
      { name: 'long.txt', text: 'x'.repeat(5_000) },
    ]
    writeFileSync(path.join(folder, 'b.tar.gz'), await tarGz(files, Date.UTC(2026, 1, 1)))
    execFileSync('tar', ['-xzf', 'b.tar.gz'], { cwd: folder })
    for (const { name: file, text: content } of files)
      expect(readFileSync(path.join(folder, file), 'utf8')).toBe(content)
    expect(statSync(path.join(folder, 'a.json')).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toHaveLength(4)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
