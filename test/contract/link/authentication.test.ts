import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeJoinCode, decodeJoinCode } from '../../../electron/link/join-code'
import type { LinkSession, ProvenRefusal, UnprovenDial } from '../../../electron/link/link'
import { systemClock } from '../../../electron/platform/clock'
import { wallMs } from '../../../shared/model/time'
import { connect, EDGE_ID, handlers, linkPlace, type LinkPlace } from '../../support/link'

const signal = new AbortController().signal
let place: LinkPlace
let wallOffsetMs: number
beforeEach(async () => {
  wallOffsetMs = 0
  const clock = systemClock()
  place = await linkPlace({ clock: { ...clock, wall: () => wallMs(clock.wall() + wallOffsetMs) } })
})
afterEach(async () => {
  await place[Symbol.asyncDispose]()
  // Whatever a test did, no secret came into a log or an error.
  const log = place.lines.join('')
  expect(place.seenSecrets.size).toBeGreaterThan(0)
  for (const secret of place.seenSecrets) expect(log.includes(secret)).toBe(false)
})

const invite = (more = {}) => place.enrolments.invite({ id: EDGE_ID }, { actor: 'console:ada', ...more })
const otherStore = () => place.otherCredentials()
const stored = async () => (await place.edgeCredentials.load())!

describe('joining', () => {
  it('gives the edge its name and a secret that both sides hold and that never travelled', async () => {
    const { code } = await invite()
    expect(await place.join(code)).toEqual({
      planeId: 'plane-1',
      edgeId: EDGE_ID,
      edgeName: 'Berlin',
      epochFloor: 1,
      masterUrls: [`wss://127.0.0.1:${place.listener.port}`],
    })
    const { current, caPem } = await stored()
    expect(caPem.trim()).toBe(place.authority.caPem.trim())
    const known = await place.enrolments.lookup(EDGE_ID, current.secretId)
    expect(Buffer.from(known!.secret).toString('hex')).toBe(current.secret)
    expect(place.seenSecrets.has(current.secret)).toBe(true)
  })

  it('may be repeated by the same machine until the secret has been proven, and by no other', async () => {
    const { code, tokenId } = await invite()
    await place.join(code)
    await place.join(code)
    await expect(place.join(code, { instanceId: 'instance-2', credentials: otherStore() })).rejects.toMatchObject({
      code: 'code-used',
    })
    const { edge } = await connect(await place.dialer(), place.session())
    edge.close('done')
    await expect(place.join(code)).rejects.toMatchObject({ code: 'code-used', hint: expect.any(String) as string })
    expect(place.enrolments.invites()).toMatchObject([{ tokenId, state: 'used', madeBy: 'console:ada' }])
    expect(place.enrolments.revokeInvite(tokenId)).toBe(false)
  })

  it('refuses codes that have expired or been revoked, or whose token is another', async () => {
    const expired = await invite()
    wallOffsetMs = 3_600_000
    await expect(place.join(expired.code)).rejects.toMatchObject({ code: 'code-expired' })
    const revoked = await invite()
    expect(place.enrolments.revokeInvite(revoked.tokenId)).toBe(true)
    await expect(place.join(revoked.code)).rejects.toMatchObject({ code: 'code-revoked' })
    const ticket = decodeJoinCode((await invite()).code)
    for (const forged of [
      { ...ticket, token: Buffer.alloc(32, 1) },
      { ...ticket, tokenId: 'ffffffffffffffff' },
    ])
      await expect(place.join(encodeJoinCode(forged))).rejects.toMatchObject({ code: 'refused' })
    expect(
      place.enrolments
        .invites()
        .map(({ state }) => state)
        .sort(),
    ).toEqual(['expired', 'open', 'revoked'])
    expect(place.enrolments.revokeInvite('0000')).toBe(false)
  })

  it('uses no token at a server that does not show the authority of the code', async () => {
    await using other = await linkPlace()
    const ticket = decodeJoinCode((await invite()).code)
    const misled = encodeJoinCode({ ...ticket, masterUrls: [`wss://127.0.0.1:${other.listener.port}`] })
    const dials: UnprovenDial[] = []
    other.listener.onUnprovenDial((dial) => dials.push(dial))
    await expect(place.join(misled)).rejects.toMatchObject({
      code: 'wrong-authority',
      hint: expect.any(String) as string,
    })
    expect(dials).toEqual([])
    // The next address of the same code is tried.
    const both = encodeJoinCode({
      ...ticket,
      masterUrls: [`wss://127.0.0.1:${other.listener.port}`, ...ticket.masterUrls],
    })
    expect(await place.join(both)).toMatchObject({ edgeId: EDGE_ID })
  })

  it('refuses a second code for an edge that has joined, unless another machine is to take its place', async () => {
    const { edge: old, master: oldMaster } = await place.linked()
    old.open(handlers())
    oldMaster.open(handlers())
    await expect(invite()).rejects.toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining('--replace') as string,
    })
    const credentials = otherStore()
    await place.join((await invite({ replace: true })).code, { instanceId: 'instance-2', credentials })
    expect(place.enrolments.instanceOf(EDGE_ID)).toBe('instance-1')
    const { master } = await connect(await place.dialer({ instanceId: 'instance-2', credentials }), place.session())
    expect(master.peer.instanceId).toBe('instance-2')
    expect(place.enrolments.instanceOf(EDGE_ID)).toBe('instance-2')
    await expect((await place.dialer()).dial(signal)).rejects.toMatchObject({ code: 'refused' })
  })

  it('refuses a code whose edge was removed meanwhile', async () => {
    const { code } = await invite()
    place.edges.clear()
    await expect(place.join(code)).rejects.toMatchObject({ code: 'removed' })
    await expect(invite()).rejects.toMatchObject({ code: 'not-found' })
  })

  it('tells an edge that has not joined so', async () => {
    await expect(place.dialer()).rejects.toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining('holdfast join') as string,
    })
  })
})

describe('proving', () => {
  const dials: UnprovenDial[] = []
  const refusals: ProvenRefusal[] = []
  beforeEach(async () => {
    dials.length = refusals.length = 0
    place.listener.onUnprovenDial((dial) => dials.push(dial))
    place.listener.onProvenRefusal((refusal) => refusals.push(refusal))
    await place.join((await invite()).code)
  })

  it('refuses a wrong secret, a wrong edge, a wrong plane and a wrong secret id alike', async () => {
    const good = await stored()
    const answers = []
    for (const wrong of [
      { current: { ...good.current, secret: 'ab'.repeat(32) } },
      { edgeId: 'hamburg' },
      { planeId: 'plane-2' },
      { current: { ...good.current, secretId: 'secret-9' } },
    ]) {
      const credentials = otherStore()
      await credentials.save({ ...good, ...wrong })
      answers.push(
        await (
          await place.dialer({ credentials })
        )
          .dial(signal)
          .catch((error: Error) => JSON.stringify({ ...error, message: error.message })),
      )
    }
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toContain('"refused"')
    expect(dials).toHaveLength(4)
    expect(dials[0]).toEqual({ edgeId: EDGE_ID, address: '127.0.0.1', reason: 'refused' })
    expect(refusals).toEqual([])
  })

  it('limits failing answers after ten of them, and never a valid proof', async () => {
    const good = await stored()
    const credentials = otherStore()
    await credentials.save({ ...good, current: { ...good.current, secret: 'cd'.repeat(32) } })
    const attacker = await place.dialer({ credentials })
    const codes = []
    for (let attempt = 0; attempt < 12; attempt++)
      codes.push(
        await attacker
          .dial(signal)
          .catch((error: { code: string; retryAfterMs?: number }) => [error.code, typeof error.retryAfterMs]),
      )
    expect(codes.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => ['refused', 'undefined']))
    expect(codes.slice(10)).toEqual([
      ['rate-limited', 'number'],
      ['rate-limited', 'number'],
    ])
    const { master } = await connect(await place.dialer(), place.session())
    expect(master.peer.edgeId).toBe(EDGE_ID)
  })

  it('refuses a master whose certificate is of another authority, before saying anything', async () => {
    await using other = await linkPlace()
    const credentials = otherStore()
    await credentials.save({ ...(await stored()), masterUrls: [`wss://127.0.0.1:${other.listener.port}`] })
    await expect((await place.dialer({ credentials })).dial(signal)).rejects.toMatchObject({ code: 'wrong-authority' })
  })

  it('proves first and checks the version then: an edge of another version counts as alive', async () => {
    const dialer = await place.dialer({ versions: [7, 8] })
    await expect(dialer.dial(signal)).rejects.toMatchObject({
      code: 'version-mismatch',
      hint: expect.any(String) as string,
    })
    expect(refusals).toMatchObject([{ edgeId: EDGE_ID, failure: { code: 'version-mismatch' } }])
    expect(dials).toEqual([])
  })

  it('chooses the newest version both speak', async () => {
    const { master } = await connect(await place.dialer({ versions: [9, 1] }), place.session())
    expect(master.peer.version).toBe(1)
  })

  it('tells a revoked edge so, ends its open link at its next word, and lets it join again', async () => {
    const { edge, master } = await connect(await place.dialer(), place.session())
    edge.open(handlers())
    master.open(handlers())
    place.enrolments.revoke(EDGE_ID)
    await expect(edge.request('edge.resume', { actor: 'x' })).rejects.toMatchObject({ code: 'link-lost' })
    expect((await edge.closed).failure?.code).toBe('revoked')
    await expect((await place.dialer()).dial(signal)).rejects.toMatchObject({ code: 'revoked' })
    expect(refusals).toMatchObject([{ edgeId: EDGE_ID, failure: { code: 'revoked' } }])
    await place.join((await invite()).code)
    expect(place.enrolments.isRevoked(EDGE_ID)).toBe(true)
    await connect(await place.dialer(), place.session())
    expect(place.enrolments.isRevoked(EDGE_ID)).toBe(false)
  })

  it('tells an edge whose document was removed so', async () => {
    place.edges.clear()
    await expect((await place.dialer()).dial(signal)).rejects.toMatchObject({ code: 'removed' })
    expect(refusals).toHaveLength(1)
  })

  describe('whose edge was deleted and made again under the same id', () => {
    beforeEach(async () => {
      const { edge, master } = await connect(await place.dialer(), place.session())
      edge.open(handlers())
      master.close('the test has seen enough')
      await edge.closed
    })

    const again = (): void => {
      place.edges.clear()
      place.enrolments.remove(EDGE_ID)
      place.edges.set(EDGE_ID, { name: 'Berlin', epochFloor: 3 })
    }

    it('is told so all the same, until a machine has joined with a new code', async () => {
      const former = await invite({ replace: true })
      again()
      expect(place.enrolments.isEnrolled(EDGE_ID)).toBe(false)
      expect(place.enrolments.instanceOf(EDGE_ID)).toBeNull()
      await expect((await place.dialer()).dial(signal)).rejects.toMatchObject({
        code: 'removed',
        hint: expect.stringContaining('holdfast join CODE') as string,
      })
      // A code of the edge that was deleted is not one of the new edge.
      await expect(place.join(former.code, { credentials: otherStore() })).rejects.toMatchObject({
        code: 'code-revoked',
      })
      // No --replace: nobody has joined as this edge.
      const credentials = otherStore()
      await place.join((await invite()).code, { instanceId: 'instance-2', credentials })
      await expect((await place.dialer()).dial(signal)).rejects.toMatchObject({ code: 'removed' })
      await connect(await place.dialer({ instanceId: 'instance-2', credentials }), place.session())
      expect(place.enrolments.instanceOf(EDGE_ID)).toBe('instance-2')
      await expect((await place.dialer()).dial(signal)).rejects.toMatchObject({ code: 'refused' })
    })

    it('is let in again by a new code, under a new enrolment', async () => {
      const { enrolmentId } = await stored()
      again()
      await place.join((await invite()).code)
      const { master } = await connect(await place.dialer(), place.session())
      expect(master.peer.edgeId).toBe(EDGE_ID)
      expect((await stored()).enrolmentId).toMatch(/^join-/)
      expect((await stored()).enrolmentId).not.toBe(enrolmentId)
    })

    it('is told so also by a master that was restarted between', async () => {
      again()
      const restarted = place.enrolmentsAgain()
      expect(restarted.isEnrolled(EDGE_ID)).toBe(false)
      expect(restarted.standing({ edgeId: EDGE_ID })).toMatchObject({ code: 'removed' })
    })

    it('is told so by a master that crashed before it could end the enrolment', async () => {
      place.edges.clear()
      place.enrolmentsAgain()
      place.edges.set(EDGE_ID, { name: 'Berlin', epochFloor: 3 })
      expect(place.enrolmentsAgain().standing({ edgeId: EDGE_ID })).toMatchObject({ code: 'removed' })
    })

    it('is shut out also when that cannot be written', async () => {
      place.breakRows(true)
      expect(again).toThrow('disk full')
      place.breakRows(false)
      place.edges.set(EDGE_ID, { name: 'Berlin', epochFloor: 3 })
      await expect((await place.dialer()).dial(signal)).rejects.toMatchObject({ code: 'removed' })
    })
  })

  it('ends an attempt at the address of a server that never answers', async () => {
    const { createServer } = await import('node:net')
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const credentials = otherStore()
    const { port } = silent.address() as { port: number }
    await credentials.save({
      ...(await stored()),
      masterUrls: [`wss://127.0.0.1:${port}`, `wss://127.0.0.1:${place.listener.port}`],
    })
    const dialer = await place.dialer({ credentials })
    await expect(dialer.dial(AbortSignal.timeout(100))).rejects.toMatchObject({ code: 'timeout' })
    silent.close()
    // The next attempt takes the next address.
    expect(dialer.url).toBe(`wss://127.0.0.1:${place.listener.port}`)
    await connect(dialer, place.session())
  })

  it('tells an unreachable master from others', async () => {
    await place.listener[Symbol.asyncDispose]()
    await expect((await place.dialer()).dial(signal)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('ECONNREFUSED') as string,
    })
  })

  it('is known to a master that was restarted, and revoked there as before', async () => {
    const { current } = await stored()
    await connect(await place.dialer(), place.session())
    expect(await place.enrolmentsAgain().lookup(EDGE_ID, current.secretId)).not.toBeNull()
    place.enrolments.revoke(EDGE_ID)
    const again = place.enrolmentsAgain()
    expect(again.standing({ edgeId: EDGE_ID })).toMatchObject({ code: 'revoked' })
    expect(again.invites()).toMatchObject([{ edgeId: EDGE_ID, state: 'used' }])
  })

  it('cannot be served on a port that is taken', async () => {
    await expect(linkPlace({ listener: { port: place.listener.port } })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('taken') as string,
      hint: expect.stringContaining('--link-port') as string,
    })
  })

  it('goes on with the certificate renewed', async () => {
    await connect(await place.dialer(), place.session())
    await place.authority.renew()
    await connect(await place.dialer(), place.session())
  })
})

describe('rotating the secret', () => {
  let edge: LinkSession
  let master: LinkSession
  beforeEach(async () => {
    ;({ edge, master } = await place.linked())
    edge.open(
      handlers({
        request: (async (_name: string, params: never) => (await place.edgeCredentials.rotate(params), {})) as never,
      }),
    )
    master.open(handlers())
  })

  it('keeps both valid until the new one has been proven, then forgets the old one', async () => {
    const before = (await stored()).current
    await master.request('secret.rotate', await place.enrolments.rotate(EDGE_ID))
    const during = await stored()
    expect(during.next!.secret).not.toBe(before.secret)
    expect(await place.enrolments.lookup(EDGE_ID, before.secretId)).not.toBeNull()
    await connect(await place.dialer(), place.session())
    expect(await stored()).toMatchObject({ current: during.next, next: null })
    expect(await place.enrolments.lookup(EDGE_ID, before.secretId)).toBeNull()
    expect(edge.peer.edgeId).toBe(EDGE_ID)
  })

  it('goes on with the old one when the edge never heard of the new one', async () => {
    await place.enrolments.rotate(EDGE_ID)
    await connect(await place.dialer(), place.session())
    await master.request('secret.rotate', await place.enrolments.rotate(EDGE_ID))
    await connect(await place.dialer(), place.session())
    expect((await stored()).next).toBeNull()
  })

  it('falls back to the old one at the second attempt when the master does not know the new one', async () => {
    const { baseId } = await place.enrolments.rotate(EDGE_ID)
    await place.edgeCredentials.rotate({ baseId, secretId: 'of a master that lost it', salt: '00'.repeat(32) })
    const dialer = await place.dialer()
    await expect(dialer.dial(signal)).rejects.toMatchObject({ code: 'refused' })
    await connect(dialer, place.session())
  })

  it('refuses to begin for an edge that is revoked or unknown', async () => {
    place.enrolments.revoke(EDGE_ID)
    await expect(place.enrolments.rotate(EDGE_ID)).rejects.toMatchObject({ code: 'conflict' })
    await expect(place.enrolments.rotate('hamburg')).rejects.toMatchObject({ code: 'conflict' })
  })
})
