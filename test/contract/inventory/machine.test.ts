import { readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { hostname, networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { containerCollector } from '../../../electron/platform/collectors/containers'
import { machineCollectors } from '../../../electron/platform/collectors/machine'
import { MachineReader, type ReaderLaunch } from '../../../electron/platform/collectors/machine-reader'
import { serviceCollector } from '../../../electron/platform/collectors/services'
import { virtualMachineCollector } from '../../../electron/platform/collectors/virtual-machines'
import type { Collector } from '../../../electron/platform/ports'
import { resource, resourceSchemas } from '../../../shared/model/inventory'
import { buildReader, builtReaderFolder } from '../../support/machine-reader'
import { childrenOf, isAlive } from '../../support/processes'
import { until } from '../../support/until'

let folder: string
let launch: ReaderLaunch
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-machine-'))
  launch = await buildReader()
}, 30_000)
afterAll(async () => {
  await rm(folder, { recursive: true })
  await rm(builtReaderFolder(launch), { recursive: true })
})
const never = new AbortController().signal
/** A folder of programs that say what they are told to, to stand before the real ones. */
async function programs(name: string, scripts: Record<string, string>): Promise<string> {
  const bin = path.join(folder, name)
  await mkdir(bin)
  for (const [program, script] of Object.entries(scripts)) {
    await writeFile(path.join(bin, program), `#!/bin/sh\n${script}\n`)
    await chmod(path.join(bin, program), 0o755)
  }
  return bin
}

function sleepBelow(pid: number): number | null {
  for (const child of childrenOf(pid)) {
    if (readFileSync(`/proc/${child}/cmdline`, 'utf8').startsWith('sleep\0')) return child
    const found = sleepBelow(child)
    if (found !== null) return found
  }
  return null
}

describe('this machine', () => {
  test('tells of itself in rows that follow the schema of their kind', async () => {
    const collectors = machineCollectors(launch)
    expect(collectors.map(({ kind }) => kind)).toEqual(['host', 'network', 'storage', 'container', 'vm', 'service'])
    const looks = await Promise.all(collectors.map((collector) => collector.collect(never)))
    for (const { readings } of looks) {
      for (const reading of readings) {
        const row = { ...reading, asOf: 1 }
        expect(resourceSchemas[reading.kind].parse(row)).toEqual(row)
        expect(resource.parse(row)).toEqual(row)
      }
    }
    const [host, network, storage] = looks.map(({ readings }) => readings)
    expect(host).toMatchObject([{ kind: 'host', name: hostname(), state: 'up', attributes: { arch: process.arch } }])
    expect(network?.map(({ id }) => id).sort()).toEqual(expect.arrayContaining(Object.keys(networkInterfaces())))
    expect(storage?.filter(({ id }) => id.startsWith('fs:')).length).toBeGreaterThan(0)
  }, 30_000)

  test('is the same at the next look: nothing flaps', async () => {
    for (const collector of machineCollectors(launch)) {
      const [first, second] = [await collector.collect(never), await collector.collect(never)]
      const steady = (look: typeof first) =>
        look.readings.map(({ attributes, ...rest }) => ({ ...rest, attributes: { ...attributes, bootedAt: 0 } }))
      expect(steady(second)).toEqual(steady(first))
    }
  }, 30_000)

  test('is probed without starting anything', async () => {
    for (const { probe } of machineCollectors(launch)) if (probe) expect(await probe()).toBe(await probe())
  })
})

describe('the reader process', () => {
  test.skipIf(process.platform !== 'linux')(
    'is killed with what it runs when it takes too long, and the next one reads again',
    async () => {
      const bin = await programs('slow', { vboxmanage: 'sleep 60 & wait' })
      const reader = new MachineReader({ ...launch, env: { PATH: `${bin}:${process.env['PATH']}` } })
      const abort = new AbortController()
      const read = reader.read('virtualbox', abort.signal)
      const sleep = await until('the reader waits for its command', () => sleepBelow(process.pid))
      abort.abort()
      await expect(read).rejects.toMatchObject({ message: 'It took too long' })
      await until('the command is gone', () => (isAlive(sleep) ? null : true))
      expect((await reader.read('network', never)).readings.length).toBeGreaterThan(0)
    },
    30_000,
  )
  test('that cannot be started is an error', async () => {
    const reader = new MachineReader({ ...launch, execPath: path.join(folder, 'nothing') })
    await expect(reader.read('host', never)).rejects.toMatchObject({ code: 'ENOENT' })
  })
  test('that dies without an answer is an error', async () => {
    const dead = path.join(folder, 'dead.mjs')
    await writeFile(dead, 'process.exit(3)')
    const reader = new MachineReader({ ...launch, readerPath: dead })
    await expect(reader.read('host', never)).rejects.toThrow('without an answer')
  })
  test('that answers what no schema knows is an error', async () => {
    const odd = path.join(folder, 'odd.mjs')
    await writeFile(odd, "process.send({readings: [{kind: 'host', id: 'x', state: 'odd'}]}, () => process.exit())")
    await expect(new MachineReader({ ...launch, readerPath: odd }).read('host', never)).rejects.toMatchObject({
      code: 'invalid',
    })
  })
})

describe('containers', () => {
  let server: Server
  let socket: string
  let answer: { status: number; body: string }
  beforeAll(async () => {
    socket = path.join(folder, 'engine.sock')
    server = createServer((request, response) => {
      expect(request.url).toBe('/containers/json?all=1')
      response.writeHead(answer.status).end(answer.body)
    })
    await new Promise<void>((resolve) => server.listen(socket, resolve))
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))
  const look = (path = socket) => containerCollector([{ name: 'docker', socket: path }]).collect(never)
  const container = { Id: 'f00d', Names: ['/web'], Image: 'nginx:1', State: 'running', Created: 1_750_000_000 }

  test('are asked at the engine', async () => {
    answer = { status: 200, body: JSON.stringify([container, { ...container, Id: 'dead', State: 'exited' }]) }
    expect(await look()).toEqual({
      readings: [
        {
          ...{ kind: 'container', id: 'docker:f00d', name: 'web', state: 'running' },
          attributes: { engine: 'docker', image: 'nginx:1', createdAt: 1_750_000_000_000 },
        },
        expect.objectContaining({ id: 'docker:dead', state: 'stopped' }),
      ],
      unread: [],
    })
  })
  test.each([
    ['an error', { status: 500, body: '{}' }],
    ['no JSON', { status: 200, body: 'hello' }],
    ['something else', { status: 200, body: '{"message":"no"}' }],
  ])('are unread, not gone, when the engine answers %s', async (_what, given) => {
    answer = given
    expect(await look()).toMatchObject({ readings: [], unread: [{ idPrefix: 'docker:', isAbsent: false }] })
  })
  test('are absent where there is no engine', async () => {
    expect(await look(path.join(folder, 'none.sock'))).toMatchObject({ unread: [{ isAbsent: true }] })
  })
})

describe.skipIf(process.platform === 'win32')('services and virtual machines', () => {
  const services = (bin: string, systemdRuns = folder): Collector =>
    serviceCollector({ reader: new MachineReader(launch), path: bin, systemdRuns })
  const machines = (bin: string): Collector => {
    const env = { PATH: `${bin}:/usr/bin:/bin` }
    return virtualMachineCollector({ reader: new MachineReader({ ...launch, env }), path: bin })
  }

  test('of systemd are told by systemctl; what is not loaded does not exist', async () => {
    const bin = await programs('systemd', {
      systemctl: `/bin/cat <<'END'
  cron.service               loaded    active   running Regular background program processing daemon
● backup.service             loaded    failed   failed  Nightly backup
  apt-daily.service          loaded    inactive dead    Daily apt download activities
  display-manager.service    not-found inactive dead    display-manager.service
END`,
    })
    const { readings } = await services(bin).collect(never)
    expect(
      readings.map(({ id, state, attributes }) => [id, state, (attributes as { description: string }).description]),
    ).toEqual([
      ['systemd:cron.service', 'running', 'Regular background program processing daemon'],
      ['systemd:backup.service', 'failed', 'Nightly backup'],
      ['systemd:apt-daily.service', 'stopped', 'Daily apt download activities'],
    ])
  })
  test('are an error when systemctl fails, and absent where systemd does not run', async () => {
    const bin = await programs('broken', { systemctl: 'echo Failed to connect to bus >&2; exit 1' })
    await expect(services(bin).collect(never)).rejects.toThrow('Failed to connect to bus')
    expect(await services(bin, path.join(folder, 'nowhere')).collect(never)).toMatchObject({
      unread: [{ isAbsent: true }],
    })
  })

  test('of libvirt and VirtualBox are told together; one that fails does not hide the other', async () => {
    const virsh = `/bin/cat <<'END'
 Id   Name          State
------------------------------
 1    build box     running
 -    old-server    shut off
 3    nap           paused

END`
    const uuid = '4d1c3a52-1111-2222-3333-444455556666'
    const vbox = `if [ "$3" = --long ]; then
/bin/cat <<'END'
Name:                        Lab PC
Guest OS:                    Debian (64-bit)
UUID:                        ${uuid}
Memory size:                 2048MB
Number of CPUs:              4
State:                       running (since 2025-01-01T00:00:00.000000000)
END
else echo '"Lab PC" {${uuid}}'; fi`
    const both = await machines(await programs('both', { virsh, vboxmanage: vbox })).collect(never)
    expect(both.unread).toEqual([])
    expect(both.readings.map(({ id, name, state }) => [id, name, state])).toEqual([
      [`virtualbox:${uuid}`, 'Lab PC', 'running'],
      ['libvirt:build box', 'build box', 'running'],
      ['libvirt:old-server', 'old-server', 'stopped'],
      ['libvirt:nap', 'nap', 'paused'],
    ])
    expect(both.readings[0]?.attributes).toEqual({
      ...{ hypervisor: 'virtualbox', cpus: 4, memoryBytes: 2_048 * 1024 * 1024, guest: 'Debian (64-bit)' },
    })
    const half = await machines(await programs('half', { virsh, vboxmanage: 'exit 1' })).collect(never)
    expect([half.readings.length, half.unread?.map(({ idPrefix, isAbsent }) => [idPrefix, isAbsent])]).toEqual([
      3,
      [['virtualbox:', undefined]],
    ])
  }, 30_000)
  test('are absent where nothing runs any', async () => {
    const look = await machines(await programs('none', {})).collect(never)
    expect([look.readings, look.unread?.map(({ isAbsent }) => isAbsent)]).toEqual([[], [true, true]])
  })
})
