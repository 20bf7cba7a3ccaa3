/** What `guest-command.ts` runs. Variables are absent, or hold what it has checked: addresses, numbers, blanks between. */

/**
 * The last line of a script that came to its end. An exit status alone would not do: there are programs of these names that do
 * nothing and end well (Wine's PowerShell).
 */
export const APPLIED = "network settings applied";

/**
 * For any POSIX shell. The first interface but lo is the container's; names sort as they do in /sys. Link-local addresses
 * stay, since IPv6 does not work without; `ip` comes from iproute2 or busybox, `ifconfig` and `route` from net-tools or busybox.
 * A gateway outside the subnet is reached by a route to itself.
 */
export const LINUX_SCRIPT: string = `set -eu
PATH="\${PATH:-}:/usr/sbin:/usr/bin:/sbin:/bin"
family="\${RUNHCS_NETWORK_FAMILY:-}"
address="\${RUNHCS_NETWORK_ADDRESS:-}"
length="\${RUNHCS_NETWORK_PREFIX_LENGTH:-}"
netmask="\${RUNHCS_NETWORK_NETMASK:-}"
gateway="\${RUNHCS_NETWORK_GATEWAY:-}"
dns="\${RUNHCS_NETWORK_DNS:-}"

fail() { echo "cannot configure the network: $1" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

with_ip() {
  ip link set dev "$interface" up
  if [ -n "$address" ]; then
    ip "-$family" address flush dev "$interface" scope global
    ip "-$family" address add "$address/$length" dev "$interface"
  fi
  if [ -n "$gateway" ]; then
    ip "-$family" route replace default via "$gateway" dev "$interface" 2>/dev/null || {
      ip "-$family" route replace "$gateway/$whole" dev "$interface"
      ip "-$family" route replace default via "$gateway" dev "$interface"
    }
  fi
}

with_ifconfig4() {
  ifconfig "$interface" up
  if [ -n "$address" ]; then ifconfig "$interface" "$address" netmask "$netmask" up; fi
  if [ -n "$gateway" ]; then
    route del default dev "$interface" 2>/dev/null || :
    route add default gw "$gateway" dev "$interface" 2>/dev/null || {
      route add -host "$gateway" dev "$interface"
      route add default gw "$gateway" dev "$interface"
    }
  fi
}

with_ifconfig6() {
  ifconfig "$interface" up
  if [ -n "$address" ]; then
    ifconfig "$interface" del "$address/$length" 2>/dev/null || :
    ifconfig "$interface" add "$address/$length"
  fi
  if [ -n "$gateway" ]; then
    route -A inet6 del default dev "$interface" 2>/dev/null || :
    route -A inet6 add default gw "$gateway" dev "$interface" 2>/dev/null || {
      route -A inet6 add "$gateway/128" dev "$interface"
      route -A inet6 add default gw "$gateway" dev "$interface"
    }
  fi
}

if [ -n "$address$gateway" ]; then
  interface=
  for path in /sys/class/net/*; do
    if [ -d "$path" ] && [ "\${path##*/}" != lo ]; then interface="\${path##*/}"; break; fi
  done
  if [ -z "$interface" ]; then fail 'there is no interface but lo'; fi
  if [ "$family" = 6 ]; then whole=128; else whole=32; fi
  if has ip; then with_ip
  elif has ifconfig && has route; then "with_ifconfig$family"
  else fail 'the image has neither ip nor ifconfig and route'
  fi
fi
if [ -n "$dns" ]; then
  for server in $dns; do printf 'nameserver %s\\n' "$server"; done >/etc/resolv.conf
fi
echo '${APPLIED}'
`;

/**
 * For Windows PowerShell 5, without any of its modules: images differ in which they have. The first adapter that is up is the
 * container's. An IPv6 address and a route are deleted before they are added, because adding what is there fails.
 */
export const WINDOWS_SCRIPT: string = `$ErrorActionPreference = 'Stop'
$up = [System.Net.NetworkInformation.NetworkInterface]::GetAllNetworkInterfaces() |
  Where-Object { $_.OperationalStatus -eq 'Up' -and $_.NetworkInterfaceType -ne 'Loopback' } |
  Select-Object -First 1
$name = if ($up) { $up.Name } else { 'Ethernet' }
$context = "ipv\${env:RUNHCS_NETWORK_FAMILY}"
$address = $env:RUNHCS_NETWORK_ADDRESS
$gateway = $env:RUNHCS_NETWORK_GATEWAY

function Set-Network {
  & netsh.exe interface @args
  if ($LASTEXITCODE -ne 0) {
    [Console]::Error.WriteLine("cannot configure the network: netsh interface $args failed")
    exit 1
  }
}

function Clear-Network {
  & netsh.exe interface @args | Out-Null
}

if ($address -and $context -eq 'ipv4') {
  $through = @(if ($gateway) { "gateway=$gateway", 'gwmetric=1' } else { 'gateway=none' })
  Set-Network ipv4 set address "name=$name" source=static "address=$address" "mask=$env:RUNHCS_NETWORK_NETMASK" @through
} elseif ($address) {
  Clear-Network ipv6 delete address "interface=$name" "address=$address"
  Set-Network ipv6 add address "interface=$name" "address=$address/$env:RUNHCS_NETWORK_PREFIX_LENGTH"
}
if ($gateway -and -not ($address -and $context -eq 'ipv4')) {
  $default = if ($context -eq 'ipv4') { '0.0.0.0/0' } else { '::/0' }
  Clear-Network $context delete route "prefix=$default" "interface=$name"
  Set-Network $context add route "prefix=$default" "interface=$name" "nexthop=$gateway" metric=1
}

$servers = @("$env:RUNHCS_NETWORK_DNS" -split ' ' | Where-Object { $_ })
foreach ($family in 'ipv4', 'ipv6') {
  $index = 0
  foreach ($server in $servers) {
    if (($family -eq 'ipv6') -ne $server.Contains(':')) { continue }
    $index++
    if ($index -eq 1) {
      Set-Network $family set dnsservers "name=$name" source=static "address=$server" validate=no
    } else {
      Set-Network $family add dnsservers "name=$name" "address=$server" "index=$index" validate=no
    }
  }
}
[Console]::Out.WriteLine('${APPLIED}')
exit 0
`;
