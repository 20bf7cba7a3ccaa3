import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CgroupHierarchy } from "../../../../../hcs/emulator/cgroup/tree.ts";
import { readMetrics } from "../../../../../hcs/emulator/guest/statistics.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";

describe("readMetrics", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await makeShortDirectory("cg-");
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  function write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }

  function v1(...controllers: readonly string[]): CgroupHierarchy[] {
    return controllers.map((name) => ({
      mountPoint: join(directory, name),
      version: 1,
      controllers: [name],
    }));
  }

  it("reads the controllers of version 1", () => {
    write({
      "pids/g/pids.current": "2\n",
      "pids/g/pids.max": "max\n",
      "cpuacct/g/cpuacct.usage": "16703548\n",
      "cpuacct/g/cpuacct.usage_percpu": "9866168 6837380\n",
      "cpuacct/g/cpuacct.stat": "user 1\nsystem 0\n",
      "cpu/g/cpu.stat": "nr_periods 0\nnr_throttled 4\nthrottled_time 9\n",
      "memory/g/memory.stat":
        "cache 0\nrss 118784\npgpgin 478\ntotal_rss 118785\nhierarchical_memsw_limit 9223372036854771712\n",
      "memory/g/memory.usage_in_bytes": "507904\n",
      "memory/g/memory.limit_in_bytes": "9223372036854771712\n",
      "memory/g/memory.max_usage_in_bytes": "1990656\n",
      "memory/g/memory.failcnt": "0\n",
      "memory/g/memory.memsw.usage_in_bytes": "507905\n",
      "memory/g/memory.oom_control": "oom_kill_disable 0\nunder_oom 1\noom_kill 3\n",
      "hugetlb/g/hugetlb.2MB.usage_in_bytes": "2097152\n",
      "hugetlb/g/hugetlb.2MB.failcnt": "0\n",
      "hugetlb/g/hugetlb.2MB.rsvd.usage_in_bytes": "5\n",
    });
    assert.deepEqual(readMetrics("/g", v1("pids", "cpuacct", "cpu", "memory", "hugetlb")), {
      hugetlb: [{ usage: 2097152, pagesize: "2MB" }],
      pids: { current: 2 },
      cpu: {
        usage: { total: 16703548, user: 10_000_000, per_cpu: [9866168, 6837380] },
        throttling: { throttled_periods: 4, throttled_time: 9 },
      },
      memory: {
        rss: 118784,
        total_rss: 118785,
        pg_pg_in: 478,
        hierarchical_swap_limit: 9223372036854771712n,
        usage: { limit: 9223372036854771712n, usage: 507904, max: 1990656 },
        swap: { usage: 507905 },
        kernel: {},
        kernel_tcp: {},
      },
      blkio: {},
      memory_oom_control: { under_oom: 1, oom_kill: 3 },
    });
  });

  it("converts version 2 to the shape of version 1", () => {
    write({
      "g/pids.current": "3\n",
      "g/pids.max": "100\n",
      "g/cpu.stat":
        "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 5\nnr_throttled 1\nthrottled_usec 7\n",
      "g/memory.current": "1000\n",
      "g/memory.max": "4096\n",
      "g/memory.peak": "2000\n",
      "g/memory.swap.current": "10\n",
      "g/memory.swap.max": "1024\n",
      "g/memory.stat": "anon 600\nfile 300\nkernel_stack 16\nslab 4\nsock 0\npgfault 9\nunrelated 1\n",
      "g/memory.events": "low 0\nmax 2\noom 1\noom_kill 1\n",
      "g/hugetlb.2MB.current": "2097152\n",
    });
    const unified: CgroupHierarchy = {
      mountPoint: directory,
      version: 2,
      controllers: ["cpu", "memory", "pids", "hugetlb"],
    };
    assert.deepEqual(readMetrics("/g", [unified]), {
      hugetlb: [{ usage: 2097152, pagesize: "2MB" }],
      pids: { current: 3, limit: 100 },
      cpu: {
        usage: { total: 30_000, kernel: 10_000, user: 20_000 },
        throttling: { periods: 5, throttled_periods: 1, throttled_time: 7000 },
      },
      memory: {
        cache: 300,
        total_cache: 300,
        rss: 600,
        total_rss: 600,
        pg_fault: 9,
        total_pg_fault: 9,
        hierarchical_memory_limit: 4096,
        hierarchical_swap_limit: 5120,
        usage: { limit: 4096, usage: 1000, max: 2000, failcnt: 2 },
        swap: { limit: 5120, usage: 1010 },
        kernel: { limit: 9223372036854771712n, usage: 20 },
        kernel_tcp: { limit: 9223372036854771712n },
      },
      blkio: {},
      memory_oom_control: { oom_kill: 1 },
    });
  });

  it("reports no limit of version 2 as version 1 does", () => {
    write({ "g/memory.current": "1\n", "g/memory.max": "max\n", "g/memory.swap.max": "max\n" });
    const { memory } = readMetrics("/g", [{ mountPoint: directory, version: 2, controllers: ["memory"] }]);
    assert.equal(memory?.usage?.limit, 9223372036854771712n);
    assert.equal(memory?.swap?.limit, 9223372036854771712n);
  });

  it("leaves out what the kernel does not count", () => {
    const empty = {
      pids: {},
      cpu: { usage: {}, throttling: {} },
      memory: {},
      blkio: {},
      memory_oom_control: {},
    };
    assert.deepEqual(readMetrics("/g", []), empty);
    assert.deepEqual(readMetrics("/gone", v1("pids", "cpu", "cpuacct", "hugetlb")), empty);
  });
});
