import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../../shared/model/failures'
import { checkOffline } from '../../../electron/compose/offline-checks'
import { cli, dataDirFor } from '../../support/cli-run'
import { useCli } from '../../support/cli-console'
import { startConsoleDouble } from '../../support/console-double'
import { AT, decisionSample, statusSample } from '../../support/console-samples'

const { run, double, dataDir } = useCli()

describe('watching', () => {
  test('shows the status again at each change, as one JSON line each, until interrupted', async () => {
    const lines: string[] = []
    const result = await run(['status', '--watch', '--json'], {
      onOut(out, interrupt) {
        lines.splice(0, Infinity, ...out.trim().split('\n'))
        if (lines.length === 1) double().publish('status', { ...statusSample(), name: 'Renamed' })
        else interrupt()
      },
    })
    expect(result.code).toBe(0)
    expect(lines.map((line) => JSON.parse(line).name)).toEqual(['Head office', 'Renamed'])
  })

  test('edge log --watch prints each decision as it comes', async () => {
    const following = run(['edge', 'log', 'Berlin', '--watch'], { onOut: (_, interrupt) => interrupt() })
    while (double().subscribers('decisions') === 0) await new Promise((resolve) => setImmediate(resolve))
    double().publish('decisions', decisionSample())
    expect((await following).out).toContain('the edge drives, epoch 3, T3, done, by system, d1\n')
  })

  test('module debug prints lines as they come', async () => {
    const debugging = run(['module', 'debug', 'm1', '--json'], { onOut: (_, interrupt) => interrupt() })
    while (double().subscribers('debug') === 0) await new Promise((resolve) => setImmediate(resolve))
    double().publish('debug', { lines: [{ at: AT, moduleId: 'm1', level: 'info', text: 'hello' }], dropped: 2 })
    expect(await debugging).toMatchObject({
      code: 0,
      out: `${JSON.stringify({ at: AT, moduleId: 'm1', level: 'info', text: 'hello' })}\n`,
      err: '2 lines were left out.\n',
    })
    while (double().subscribers('debug') > 0) await new Promise((resolve) => setImmediate(resolve))
  })

  test('ends with 3 when the controller goes away', async () => {
    await using other = await startConsoleDouble({ first: { status: statusSample() } })
    await using dir = await dataDirFor(other)
    const result = await cli(['status', '--watch', '--json', '--data', dir.dir], {
      onOut: () => void other.server[Symbol.asyncDispose](),
    })
    expect(result.code).toBe(3)
    expect(JSON.parse(result.err)).toMatchObject({ code: 'unreachable' })
  })
})

describe('without a controller', () => {
  test.each([[['status']], [['edge', 'restore']], [['invite', '--edge', 'x']], [['console']], [['export']]])(
    '%j ends with 3 and says how to start one',
    async (argv) => {
      await using empty = await dataDirFor(null)
      const { code, out, err } = await cli([...argv, '--data', empty.dir])
      expect([code, out]).toEqual([3, ''])
      expect(err).toBe(
        `error [unreachable]: No controller runs on ${empty.dir}.\nhint: Start it: holdfast start --data ${empty.dir}\n`,
      )
    },
  )

  test('files that a killed controller left behind count as no controller', async () => {
    const gone = await startConsoleDouble()
    await using dir = await dataDirFor(gone)
    await gone[Symbol.asyncDispose]()
    expect((await cli(['status', '--data', dir.dir])).code).toBe(3)
    expect((await cli(['console', '--data', dir.dir])).code).toBe(3)
    await writeFile(path.join(dir.dir, 'controller.json'), '{broken')
    expect((await cli(['status', '--data', dir.dir])).code).toBe(3)
  })

  test('a controller that does not know the key is not "not running"', async () => {
    await using dir = await dataDirFor(double())
    await writeFile(path.join(dir.dir, 'console.key'), 'another\n')
    const { code, err } = await cli(['status', '--data', dir.dir])
    expect(code).toBe(1)
    expect(err).toContain('[unauthenticated]')
  })

  test('join is done in the data directory', async () => {
    await using empty = await dataDirFor(null)
    const joinOffline = async (options: object) => ({
      edgeId: 'e',
      edgeName: 'Berlin',
      masterUrl: JSON.stringify(options),
    })
    const joined = (
      await cli(['join', 'HF1.code', '--replace', '--json', '--data', empty.dir], { services: { joinOffline } })
    ).json()
    expect(JSON.parse(joined.masterUrl)).toEqual({
      ...{ code: 'HF1.code', dataDir: empty.dir, replace: true },
      dropBacklog: false,
    })
  })

  test('HOLDFAST_DATA names the directory, --data wins', async () => {
    expect((await cli(['status', '--json'], { env: { HOLDFAST_DATA: dataDir() } })).code).toBe(0)
    expect((await cli(['status', '--data', '/nonexistent'], { env: { HOLDFAST_DATA: dataDir() } })).err).toContain(
      '/nonexistent',
    )
  })

  test('doctor finds an unusable data directory and ends with 1', async () => {
    await using dir = await dataDirFor(null)
    const file = path.join(dir.dir, 'file')
    await writeFile(file, '')
    const services = {
      checkOffline: (options: { dataDir: string; isDeep: boolean }) =>
        checkOffline({ ...options, version: '0.1.0', mainDir: dir.dir }),
    }
    const { code, out } = await cli(['doctor', '--json', '--data', file], { services })
    expect(code).toBe(1)
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ id: 'data-directory', result: 'fail' }))
    await rm(file)
    expect((await cli(['doctor', '--json', '--data', file], { services })).code).toBe(0)
  })
})

describe('start', () => {
  const options = [
    'start',
    '--headless',
    '--role',
    'edge',
    '--console-port',
    '0',
    '--link-port',
    '7500',
    '--name',
    'Berlin',
    '--master-url',
    'wss://a:1',
    'wss://b:2',
  ]

  test('hands the options over, prints the link and ends as the controller ends', async () => {
    let given: unknown
    const ended = Promise.withResolvers<number>()
    const startController = async (start: object) => {
      given = start
      return {
        stop: async () => ended.resolve(0),
        remoteConsoleUrl: null,
        consoleUrl: 'http://127.0.0.1:7420/#key=k',
        ended: ended.promise,
      }
    }
    const result = await run([...options, '--json'], {
      services: { startController },
      onOut: (_, interrupt) => interrupt(),
    })
    expect(result.code).toBe(0)
    expect(result.json()).toMatchObject({ consoleUrl: 'http://127.0.0.1:7420/#key=k', dataDir: dataDir() })
    expect(given).toMatchObject({
      role: 'edge',
      consolePort: 0,
      linkPort: 7500,
      name: 'Berlin',
      masterUrls: ['wss://a:1', 'wss://b:2'],
      headless: true,
      dataDir: dataDir(),
    })
  })

  test('an expected failure is one clear line with a hint and exit code 1', async () => {
    const startController = () =>
      Promise.reject(
        new HoldfastError('conflict', 'Port 7420 on 127.0.0.1 is taken by another program.', {
          hint: 'Choose another one.',
        }),
      )
    const { code, err } = await run(['start'], { services: { startController } })
    expect([code, err]).toEqual([
      1,
      'error [conflict]: Port 7420 on 127.0.0.1 is taken by another program.\nhint: Choose another one.\n',
    ])
  })
})
