"""
The child's side of the border: what runs in a process that the master has spawned.

A child's life, file by file:

  - C{launch.py}: the first thing that runs, by path: session, limits, user,
    parent-death signal; then another program, or C{main.py}.  Standard library only.
  - C{__main__.py}: the same by hand, without a master.
  - C{spec.py}: what the master asks of the child.
  - C{bootfailure.py}: why a child could not start, and how the master learns it.
  - C{main.py}: the composition: load, choose the reactor, build, serve, say ready.
  - C{loading.py}: from a name to an object.  C{application.py}: what kind of
    application an object is.  C{building.py}: calling factories.
  - C{reactors.py}: which reactor, before anything imports one.
  - C{web.py}: resources and sites; C{wsgi.py}: WSGI on a thread pool; C{asgi.py}: ASGI
    through uvicorn, with C{asgiscope.py} around the application.
  - C{sessions.py}: the sessions of the application.
  - C{channel.py}: what twisted.web's requests take for their channel, on the strict core;
    C{webtransport.py}: the same as their transport; C{channelrequest.py}: what they tell it;
    C{requestfields.py}: what they are given; C{responsehead.py}: which heads a client may be sent.
    C{producer.py}: slowing down what they write.  C{takeover.py}: when an application
    speaks a protocol of its own, such as WebSocket.
  - C{listener.py}: accepting on the socket that was passed.
  - C{forwarded.py}: reading the forwarded fields; C{clientview.py}: a request as its
    client sees it.
  - C{control.py}: the control channel.  C{notify.py}: ready, watchdog, stopping.
    C{load.py}: what is reported of the load.
  - C{stopping.py}: the one way to stop.  C{output.py}: what the child logs.
  - C{identity.py}: for applications: which child am I.

Importing this package imports nothing else: the reactor is not chosen yet.
"""
