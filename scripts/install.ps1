<#
.SYNOPSIS
Installs containerd-shim-runhcs on this Windows node, or removes it.

.DESCRIPTION
Copies the files beside this script to a directory of their own and adds runtime handlers to containerd's configuration:
runhcs-process, runhcs-hypervisor and runhcs-host-process. Handlers that are there already, and the shim that they use, stay as
they are. The shim listens on named pipes of this machine alone: no firewall rule is made or needed.

containerd is not restarted: do that when it suits the node.

.EXAMPLE
.\install.ps1
.EXAMPLE
.\install.ps1 -Uninstall
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [string] $Destination = (Join-Path $env:ProgramFiles 'containerd-shim-runhcs'),
    [string] $ContainerdConfig = (Join-Path $env:ProgramFiles 'containerd\config.toml'),
    [switch] $Uninstall
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$BlockBegin = '# begin containerd-shim-runhcs (install.ps1)'
$BlockEnd = '# end containerd-shim-runhcs'
$ShimName = 'containerd-shim-runhcs-v1.exe'

function Assert-Administrator {
    $identity = [Security.Principal.WindowsPrincipal] [Security.Principal.WindowsIdentity]::GetCurrent()
    if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'cannot install: run this as an administrator'
    }
}

# Every file of the package, as SHA256SUMS lists it; refuses one that is missing or another.
function Get-VerifiedFile {
    Get-Content (Join-Path $PSScriptRoot 'SHA256SUMS') | ForEach-Object {
        $digest, $name = $_ -split '  ', 2
        $path = Join-Path $PSScriptRoot $name
        if (-not (Test-Path -LiteralPath $path)) { throw "cannot install: $name is missing from the package" }
        if ((Get-FileHash -Algorithm SHA256 -LiteralPath $path).Hash -ne $digest) {
            throw "cannot install: $name is not the file that was packed"
        }
        $name
    }
}

# A shim that runs keeps its file: replacing or removing it would fail half way.
function Assert-NoShimRuns {
    $executable = Join-Path $Destination $ShimName
    $running = @(Get-Process | Where-Object { $_.Path -eq $executable })
    if ($running.Count -gt 0) {
        throw "cannot go on: $($running.Count) shim process(es) run from ${Destination}: remove their pods first (a keeper ends when it is idle)"
    }
}

# The configuration without our block.
function Get-OtherConfig {
    $text = [IO.File]::ReadAllText($ContainerdConfig)
    $block = '(?ms)^' + [regex]::Escape($BlockBegin) + '$.*?^' + [regex]::Escape($BlockEnd) + '\s*'
    $text -replace $block, ''
}

function Set-Config([string] $Text) {
    Copy-Item -LiteralPath $ContainerdConfig -Destination "$ContainerdConfig.before-runhcs" -Force
    [IO.File]::WriteAllText($ContainerdConfig, $Text)
}

function Add-Handler {
    if (-not (Test-Path -LiteralPath $ContainerdConfig)) {
        Write-Warning "$ContainerdConfig does not exist: no runtime handlers were added (see containerd\*.toml)"
        return
    }
    $text = Get-OtherConfig
    $version = if ($text -match '(?m)^\s*version\s*=\s*(\d+)') { [int] $Matches[1] } else { 2 }
    $template = if ($version -le 2) { 'windows-v2.toml' } else { 'windows-v3.toml' }
    # A backslash is an escape in a TOML string.
    $shim = (Join-Path $Destination $ShimName).Replace('\', '\\')
    $handlers = [IO.File]::ReadAllText((Join-Path $PSScriptRoot "containerd\$template")).Replace('@SHIM@', $shim)
    Set-Config (($text.TrimEnd(), $BlockBegin, $handlers.TrimEnd(), $BlockEnd, '') -join "`n")
}

function Show-NextStep {
    $labels = 'runhcs.containerd.io/process=true'
    # vmms is the management service of Hyper-V; vmcompute alone runs process-isolated containers.
    if (Get-Service -Name vmms -ErrorAction SilentlyContinue) { $labels += ' runhcs.containerd.io/hypervisor=true' }
    Write-Output 'installed. Next:'
    Write-Output '  Restart-Service containerd'
    Write-Output '  kubectl apply -f kubernetes\runtime-classes-windows.yaml'
    Write-Output "  kubectl label node $($env:COMPUTERNAME.ToLowerInvariant()) $labels"
}

Assert-Administrator
Assert-NoShimRuns
if ($Uninstall) {
    if ($PSCmdlet.ShouldProcess($ContainerdConfig, 'remove runtime handlers') -and (Test-Path -LiteralPath $ContainerdConfig)) {
        Set-Config (Get-OtherConfig)
    }
    if ($PSCmdlet.ShouldProcess($Destination, 'remove') -and (Test-Path -LiteralPath $Destination)) {
        Remove-Item -LiteralPath $Destination -Recurse -Force
    }
    Write-Output 'removed. What tasks may have left on this node is in %ProgramData%\containerd\runhcs.'
    return
}
$files = @(Get-VerifiedFile)
if ($PSCmdlet.ShouldProcess($Destination, 'copy files')) {
    foreach ($name in $files) {
        $target = Join-Path $Destination $name
        New-Item -ItemType Directory -Force -Path (Split-Path $target) | Out-Null
        Copy-Item -LiteralPath (Join-Path $PSScriptRoot $name) -Destination $target -Force
    }
}
if ($PSCmdlet.ShouldProcess($ContainerdConfig, 'add runtime handlers')) { Add-Handler }
Show-NextStep
