# SPDX-License-Identifier: ISC
# SCRAM-SHA-256 by another way than the server's: RFC 5802 section 3.
package Scram;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);

# ClientKey and ServerKey of a password.
sub pair
{
	my ($password, $salt, $count) = @_;
	my $salted = my $u = hmac_sha256($salt . pack('N', 1), $password);

	for (2 .. $count) {
		$u = hmac_sha256($u, $password);
		$salted ^= $u;
	}
	return map { hmac_sha256("$_ Key", $salted) } qw(Client Server);
}

1;
