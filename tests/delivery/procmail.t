# SPDX-License-Identifier: ISC
# The sample for procmail, and the real program.
use strict;
use warnings;

use Test::More;

use Delivery;
use Letters;
use Restante;

my $t = Delivery->new;
my $procmail = Letters::tool('procmail');
my $rc = $t->sample('procmailrc');
my $deliver = sub {
	return ($procmail, '-t', '-f', $_[1], 'MAILBOX=alice', $rc);
};

$t->try('procmail with restantectl', $deliver);
$rc = $t->sample('procmailrc', sub {
	s/^:0 w\n.*?(?=^# Or)//ms or die 'no first way';
	s/^#(?=:0|\||\/)//mg;
});
$t->try('procmail by itself', $deliver);

done_testing;
