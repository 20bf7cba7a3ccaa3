/** Ending what may have ended by itself. */
import { isAlreadyStopped, isNotFound } from "../../../hcs/hresult.ts";

/** One that has ended meanwhile needs no ending. */
export async function unlessStopped(ending: Promise<void>): Promise<void> {
  try {
    await ending;
  } catch (error) {
    if (!isAlreadyStopped(error) && !isNotFound(error)) throw error;
  }
}
