import { addActivity } from './activity'
import { addAlerts } from './alerts'
import { addApi } from './api'
import { addBundle } from './bundle'
import { addChannels } from './channels'
import { addCompletion } from './completion'
import { addConsole } from './console'
import { addData } from './data'
import { addDoctor } from './doctor'
import { addDocuments } from './documents'
import { addEdge } from './edge'
import { addFleet } from './fleet'
import { addForward } from './forward'
import { addInventory } from './inventory'
import { addInvites, addJoin } from './join'
import { addModule } from './module'
import { addNodes } from './nodes'
import { addSecret } from './secret'
import { addSettings } from './settings'
import { addDemo, addSetup } from './setup'
import { addStatus } from './status'
import { addSync } from './sync'
import { addSystem } from './system'
import { addSessions, addTokens, addUsers } from './users'
import { addStart } from './start'

/** Every command, in the order of the help. */
export const commands = [
  addStart,
  addStatus,
  addJoin,
  addInvites,
  addEdge,
  addSystem,
  addModule,
  addFleet,
  addNodes,
  addSecret,
  addUsers,
  addTokens,
  addSessions,
  addApi,
  addInventory,
  addSync,
  addData,
  addAlerts,
  addChannels,
  addForward,
  addSettings,
  addSetup,
  addDocuments,
  addConsole,
  addActivity,
  addDoctor,
  addBundle,
  addDemo,
  addCompletion,
]
